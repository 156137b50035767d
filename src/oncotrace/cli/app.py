"""The command ``oncotrace``: its groups, its errors and its exit codes."""

import typer
from typer.core import TyperGroup

from oncotrace.cli import (
    agree,
    check,
    clicks,
    compare,
    contact_sheet,
    convert,
    deidentify,
    demo,
    evaluate,
    evaluate_lungs,
    export,
    finetune,
    import_case,
    inventory,
    lungs,
    measure,
    nnunet,
    overlap,
    pacs,
    prepare,
    preprocess,
    prognosis,
    propagate,
    refine,
    register,
    respond,
    segment,
    select,
    train,
    verify,
    workflow,
)
from oncotrace.cli.output import (
    EXIT_INTERRUPTED,
    EXIT_WRONG_INPUT,
    show_error,
    show_interruption,
)
from oncotrace.errors import OncotraceError


class _Commands(TyperGroup):
    """Commands whose errors become one clear message and an exit code."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer hides its own
        try:
            return super().invoke(ctx)
        except OncotraceError as error:
            show_error(error)
            raise typer.Exit(EXIT_WRONG_INPUT) from error
        except KeyboardInterrupt:
            show_interruption()
            raise typer.Exit(EXIT_INTERRUPTED) from None


app = typer.Typer(
    name="oncotrace",
    cls=_Commands,
    help="From the scanner to a decision: segment and measure a tumour. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("segment")(segment.segment)
app.command("refine")(refine.refine)
app.command("propagate")(propagate.propagate)
app.command("measure")(measure.measure)
app.command("overlap")(overlap.overlap)
app.command("register")(register.register)
app.command("respond")(respond.respond)
app.command("export")(export.export)
app.command("import")(import_case.import_file)
app.command("prepare")(prepare.prepare)
app.command("inventory")(inventory.inventory)
app.command("check")(check.check)
app.command("select")(select.select)
app.command("convert")(convert.convert)
app.command("preprocess")(preprocess.preprocess)
app.command("contact-sheet")(contact_sheet.contact_sheet)
app.command("deidentify")(deidentify.deidentify)
app.command("lungs")(lungs.lungs)
app.command("workflow")(workflow.workflow)
app.command("worklist")(workflow.worklist)
app.command("grade")(workflow.grade)
app.command("evaluate")(evaluate.evaluate)
app.command("evaluate-lungs")(evaluate_lungs.evaluate_lungs)
app.command("agree")(agree.agree)
app.command("compare")(compare.compare)
app.command("table1")(compare.table1)
app.command("prognosis")(prognosis.prognosis)
app.command("train")(train.train)
app.command("finetune")(finetune.finetune)
app.command("models")(train.models)
app.command("verify")(verify.verify)
app.add_typer(pacs.app, name="pacs")
app.add_typer(nnunet.app, name="nnunet")
app.add_typer(clicks.app, name="clicks")


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    if version:
        from oncotrace import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line and exit with its code."""
    app()

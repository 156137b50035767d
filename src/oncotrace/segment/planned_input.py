"""What the network of a plan sees: ours on a fixed grid, the published one's at a spacing."""

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Scan
from oncotrace.learning.plan import Plan
from oncotrace.segment.network_input import NetworkInput, network_input
from oncotrace.segment.published_input import published_input


def is_published(plan: Plan) -> bool:
    """Whether a plan asks for the published preparation and finish.

    It does unless its grid is fixed: that is our volume of interest squeezed onto one grid. On a
    free grid, and in patches, every case keeps the plan's spacing, as in the publication.
    """
    return plan.recipe.grid.mode != "fixed"


def input_for(plan: Plan, scan: Scan, clicks: Clicks) -> NetworkInput:
    """Channels of the plan around the clicks; training and prediction both come through here.

    Raises
    ------
    ClickError
        The clicks cannot be used on this image.
    InputError
        The voxels around the clicks are not finite.
    ModelError
        The plan names a channel that its preparation does not make.
    """
    names = plan.recipe.channels.names
    if plan.grid_xyz is None or is_published(plan):
        return published_input(scan, clicks, names, plan.spacing_mm, plan.fingerprint)
    return network_input(scan, clicks, names, plan.grid_xyz)

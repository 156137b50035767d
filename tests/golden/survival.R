# Writes the survival data sets and what R's package survival finds in them.
#
#   R --vanilla -f survival.R --args GBSG2.CSV ROSSI.CSV FOLDER
#
# lung, veteran and aml are data sets of the package; gbsg2.csv and rossi.csv those of lifelines.
library(survival)
given <- commandArgs(trailingOnly = TRUE)
folder <- given[3]
gbsg2 <- read.csv(given[1])
rossi <- read.csv(given[2])

lung <- data.frame(time = lung$time, event = lung$status - 1, age = lung$age, sex = lung$sex,
                   ph_ecog = lung$ph.ecog)
veteran <- data.frame(time = veteran$time, event = veteran$status, celltype = veteran$celltype,
                      karno = veteran$karno, age = veteran$age,
                      small = as.integer(veteran$celltype == "smallcell"),
                      adeno = as.integer(veteran$celltype == "adeno"),
                      large = as.integer(veteran$celltype == "large"))
aml <- data.frame(time = aml$time, event = aml$status,
                  maintained = as.integer(aml$x == "Maintained"))
gbsg2 <- data.frame(time = gbsg2$time, event = gbsg2$cens, age = gbsg2$age, tsize = gbsg2$tsize,
                    pnodes = gbsg2$pnodes, horth = as.integer(gbsg2$horTh == "yes"))
rossi <- data.frame(time = rossi$week, event = rossi$arrest, fin = rossi$fin, age = rossi$age,
                    race = rossi$race, wexp = rossi$wexp, mar = rossi$mar, paro = rossi$paro,
                    prio = rossi$prio)

plan <- list(
  lung    = list(data = lung, group = "sex", covariates = c("age", "sex", "ph_ecog"),
                 times = c(100, 365, 731)),
  veteran = list(data = veteran, group = "celltype",
                 covariates = c("small", "adeno", "large", "karno", "age"), times = c(30, 100, 300)),
  aml     = list(data = aml, group = "maintained", covariates = "maintained", times = c(9, 23, 45)),
  gbsg2   = list(data = gbsg2, group = "horth", covariates = c("age", "tsize", "pnodes", "horth"),
                 times = c(365, 1000, 2000)),
  rossi   = list(data = rossi, group = "fin",
                 covariates = c("fin", "age", "race", "wexp", "mar", "paro", "prio"),
                 times = c(10, 30, 52)))

found <- data.frame()
note <- function(set, analysis, item, quantity, value) {
  found <<- rbind(found, data.frame(data = set, analysis = analysis, item = item,
                                    quantity = quantity, value = if (is.na(value)) NA else sprintf("%.12g", value)))
}

for (set in names(plan)) {
  d <- plan[[set]]$data
  write.csv(d, file.path(folder, paste0("survival_", set, ".csv")), row.names = FALSE,
            quote = FALSE, na = "")
  outcome <- Surv(d$time, d$event)
  for (scale in c("log-log", "log")) {
    curve <- survfit(outcome ~ 1, conf.type = scale)
    at <- summary(curve, times = plan[[set]]$times)
    for (i in seq_along(at$time)) {
      item <- as.character(at$time[i])
      note(set, scale, item, "share", at$surv[i])
      note(set, scale, item, "lower", at$lower[i])
      note(set, scale, item, "upper", at$upper[i])
      note(set, scale, item, "at_risk", at$n.risk[i])
    }
    median <- summary(curve)$table
    note(set, scale, "median", "time", median["median"])
    note(set, scale, "median", "lower", median["0.95LCL"])
    note(set, scale, "median", "upper", median["0.95UCL"])
  }
  test <- survdiff(outcome ~ d[[plan[[set]]$group]])
  note(set, "log-rank", plan[[set]]$group, "statistic", test$chisq)
  note(set, "log-rank", plan[[set]]$group, "p_value",
       pchisq(test$chisq, length(test$n) - 1, lower.tail = FALSE))
  names <- plan[[set]]$covariates
  model <- coxph(as.formula(paste("Surv(time, event) ~", paste(names, collapse = " + "))), d,
                 control = coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50))
  zph <- cox.zph(model)$table
  ci <- summary(model)$conf.int
  for (name in names) {
    note(set, "cox", name, "coefficient", coef(model)[name])
    note(set, "cox", name, "standard_error", sqrt(diag(vcov(model)))[name])
    note(set, "cox", name, "lower", ci[name, "lower .95"])
    note(set, "cox", name, "upper", ci[name, "upper .95"])
    note(set, "cox", name, "p_value", summary(model)$coefficients[name, "Pr(>|z|)"])
    note(set, "zph", name, "statistic", zph[name, "chisq"])
    note(set, "zph", name, "p_value", zph[name, "p"])
    one <- concordance(as.formula(paste("Surv(time, event) ~", name)), d, reverse = TRUE)
    note(set, "concordance", name, "c", one$concordance)
    note(set, "concordance", name, "standard_error", sqrt(one$var))
    note(set, "concordance", name, "concordant", one$count["concordant"])
    note(set, "concordance", name, "discordant", one$count["discordant"])
    note(set, "concordance", name, "tied", one$count["tied.x"])
  }
  if (length(names) > 1) note(set, "zph", "", "statistic", zph["GLOBAL", "chisq"])
  note(set, "cox", "", "log_likelihood_start", model$loglik[1])
  note(set, "cox", "", "log_likelihood", model$loglik[2])
  note(set, "cox", "", "likelihood_ratio", summary(model)$logtest["test"])
}
write.csv(found, file.path(folder, "survival_r.csv"), row.names = FALSE, quote = FALSE, na = "")
cat(R.version.string, "survival", as.character(packageVersion("survival")), "\n")

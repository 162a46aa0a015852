/*
 * lightgbm_objective.c - the table of LightGBM's objectives.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/lightgbm_objective.h"

#include <math.h>
#include <string.h>

static const struct rw_lightgbm_objective objectives[] = {
    {.name = "binary", .link = ROWAN_LINK_LOGISTIC, .has_sigmoid = true},
    {.name = "cross_entropy", .link = ROWAN_LINK_LOGISTIC},
    {.name = "cross_entropy_lambda", .link = ROWAN_LINK_LOG1P_EXP},
    {.name = "multiclass", .link = ROWAN_LINK_SOFTMAX, .has_classes = true},
    {.name = "multiclassova",
     .link = ROWAN_LINK_LOGISTIC,
     .has_classes = true,
     .has_sigmoid = true},
    {.name = "regression", .link = ROWAN_LINK_IDENTITY},
    {.name = "regression_l1", .link = ROWAN_LINK_IDENTITY},
    {.name = "huber", .link = ROWAN_LINK_IDENTITY},
    {.name = "fair", .link = ROWAN_LINK_IDENTITY},
    {.name = "quantile", .link = ROWAN_LINK_IDENTITY},
    {.name = "mape", .link = ROWAN_LINK_IDENTITY},
    {.name = "poisson", .link = ROWAN_LINK_EXP},
    {.name = "gamma", .link = ROWAN_LINK_EXP},
    {.name = "tweedie", .link = ROWAN_LINK_EXP},
    {.name = "lambdarank", .link = ROWAN_LINK_IDENTITY},
    {.name = "rank_xendcg", .link = ROWAN_LINK_IDENTITY},
    {.name = "custom", .link = ROWAN_LINK_IDENTITY},
};

/* LightGBM takes these for the names above when the line has no parameters. */
static const char *const aliases[][2] = {
    {"regression_l2", "regression"},
    {"l2", "regression"},
    {"mse", "regression"},
    {"mean_squared_error", "regression"},
    {"rmse", "regression"},
    {"l2_root", "regression"},
    {"root_mean_squared_error", "regression"},
    {"l1", "regression_l1"},
    {"mae", "regression_l1"},
    {"mean_absolute_error", "regression_l1"},
    {"mean_absolute_percentage_error", "mape"},
    {"xentropy", "cross_entropy"},
    {"xentlambda", "cross_entropy_lambda"},
    {"xendcg", "rank_xendcg"},
    {"xe_ndcg", "rank_xendcg"},
    {"xe_ndcg_mart", "rank_xendcg"},
    {"xendcg_mart", "rank_xendcg"},
    {"none", "custom"},
    {"null", "custom"},
    {"na", "custom"},
};

static bool find(struct rw_slice name, struct rw_lightgbm_objective *objective) {
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (rw_slice_is(name, aliases[i][0]))
            name = (struct rw_slice){aliases[i][1], strlen(aliases[i][1])};
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++)
        if (rw_slice_is(name, objectives[i].name)) {
            *objective = objectives[i];
            return true;
        }
    return false;
}

/* ---- sigmoid ------------------------------------------------------------------------- */

static size_t read_digits(struct rw_slice text, size_t at, double *value) {
    *value = 0;
    while (at < text.length && text.data[at] >= '0' && text.data[at] <= '9')
        *value = *value * 10.0 + (text.data[at++] - '0');
    return at;
}

static double power_of_ten(size_t exponent) {
    double power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

#define EXACT_DIGITS 15u /* below it every step here but the last is exact */

/* Parameters of an objective go through a reader of LightGBM that does not round to
 * the nearest double: it adds the fraction to the integer, then scales.  LightGBM
 * writes six digits. */
static bool read_sigmoid(struct rw_slice text, double *out) {
    double whole, fraction = 0, exponent = 0;
    size_t at = read_digits(text, 0, &whole), digits = 0;
    if (text.length > EXACT_DIGITS || at == 0)
        return false;
    if (at < text.length && text.data[at] == '.') {
        size_t end = read_digits(text, at + 1, &fraction);
        digits = end - (at + 1);
        at = end;
    }
    double value = whole + fraction / power_of_ten(digits);
    if (at < text.length && (text.data[at] == 'e' || text.data[at] == 'E')) {
        bool down = ++at < text.length && text.data[at] == '-';
        at += at < text.length && (text.data[at] == '-' || text.data[at] == '+');
        size_t end = read_digits(text, at, &exponent);
        if (end == at || exponent > EXACT_DIGITS)
            return false;
        at = end;
        double scale = power_of_ten((size_t)exponent);
        value = down ? value / scale : value * scale;
    }
    *out = value;
    return at == text.length && isfinite(value) && value > 0;
}

/* ---- the line ------------------------------------------------------------------------- */

static bool takes_sqrt(const struct rw_lightgbm_objective *objective) {
    static const char *const names[] = {"regression", "regression_l1", "fair", "quantile", "mape"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(objective->name, names[i]) == 0)
            return true;
    return false;
}

static bool read_parameter(struct rw_slice word, struct rw_lightgbm_objective *objective) {
    struct rw_slice sigmoid = rw_slice_after(word, "sigmoid:");
    struct rw_slice n_classes = rw_slice_after(word, "num_class:");
    if (sigmoid.data && objective->has_sigmoid)
        return read_sigmoid(sigmoid, &objective->link_scale);
    if (n_classes.data && objective->has_classes)
        return rw_slice_i64(n_classes, &objective->n_classes);
    if (rw_slice_is(word, "sqrt") && takes_sqrt(objective))
        objective->link = ROWAN_LINK_SQUARE;
    return true; /* LightGBM, too, ignores what it does not know */
}

bool rw_lightgbm_objective_read(struct rw_slice text, struct rw_lightgbm_objective *objective,
                                const char **what) {
    struct rw_slice word;
    *what = "is an objective that Rowan does not know";
    if (!rw_slice_word(&text, ' ', &word) || !find(word, objective))
        return false;
    *what = "has a parameter that is no positive number";
    while (rw_slice_word(&text, ' ', &word))
        if (!read_parameter(word, objective))
            return false;
    *what = "lacks its parameter sigmoid";
    if (objective->has_sigmoid && objective->link_scale <= 0)
        return false;
    *what = "lacks its parameter num_class";
    if (objective->has_classes && objective->n_classes < 1)
        return false;
    if (!objective->has_classes)
        objective->n_classes = 1;
    return true;
}

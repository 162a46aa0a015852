/*
 * rowan.h - librowan: tree models to numbers.
 *
 * Loads the models that training libraries write, and gives the very numbers
 * that those libraries give.  A loaded model never changes: any number of
 * threads may use one at the same time.
 *
 * Errors: every function that can fail returns a rowan_status and, when `error`
 * is not NULL, fills in what was wrong, where, and what to do about it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ROWAN_H
#define ROWAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(ROWAN_BUILDING) && defined(__GNUC__)
#define ROWAN_API __attribute__((visibility("default")))
#else
#define ROWAN_API
#endif

#define ROWAN_VERSION "0.1.0"

/* Bounds on what a model may be; each is refused with ROWAN_LIMIT. */
#define ROWAN_MAX_MODEL_BYTES ((size_t)1 << 30) /* of a model file */
#define ROWAN_MAX_FEATURES    65536u
#define ROWAN_MAX_TREES       1000000u
#define ROWAN_MAX_TREE_NODES  (1u << 26) /* of one tree */
#define ROWAN_MAX_TREE_DEPTH  4096u      /* splits from root to leaf */
#define ROWAN_MAX_OUTPUTS     4096u      /* classes or targets */
#define ROWAN_MAX_CATEGORY    16777215   /* XGBoost's own largest category */

typedef enum rowan_status {
    ROWAN_OK = 0,
    ROWAN_IO,          /* a file cannot be read or written */
    ROWAN_MALFORMED,   /* bytes that break the format they claim */
    ROWAN_UNSUPPORTED, /* valid, but not something Rowan computes */
    ROWAN_LIMIT,       /* beyond one of the bounds above */
    ROWAN_NO_MEMORY,
    ROWAN_ARGUMENT, /* the caller's mistake */
    ROWAN_MISMATCH  /* two parts that must agree do not: contract, golden rows */
} rowan_status;

#define ROWAN_ERROR_WHERE 192
#define ROWAN_ERROR_TEXT  320

typedef struct rowan_error {
    rowan_status status;
    char where[ROWAN_ERROR_WHERE]; /* file, byte offset or JSON pointer */
    char what[ROWAN_ERROR_TEXT];   /* what is wrong */
    char remedy[ROWAN_ERROR_TEXT]; /* what to do; may be empty */
} rowan_error;

/* Writes "where: what (remedy)" into `text` (at most `size` bytes, always
 * terminated) and returns `text`. */
ROWAN_API const char *rowan_error_text(const rowan_error *error, char *text, size_t size);

typedef struct rowan_model rowan_model;

/* How margins become responses (the objective's link function). */
typedef enum rowan_link {
    ROWAN_LINK_IDENTITY = 0,
    ROWAN_LINK_LOGISTIC,      /* 1 / (1 + exp(-margin)): probability of class 1 */
    ROWAN_LINK_EXP,           /* exp(margin): counts, amounts, hazard ratios */
    ROWAN_LINK_STEP,          /* 1 if margin > 0, else 0 */
    ROWAN_LINK_SOFTMAX,       /* probabilities of all classes */
    ROWAN_LINK_ARGMAX,        /* index of the class with the largest margin */
    ROWAN_LINK_EXP_WIDE,      /* exp(margin) computed in double (survival:aft) */
    ROWAN_LINK_SQUARE,        /* sign(margin) * margin^2: models of a square root */
    ROWAN_LINK_LOG1P_EXP,     /* log(1 + exp(margin)) */
    ROWAN_LINK_PROBABILITIES, /* margins are the probabilities of all classes already */
    /* Of one margin, the probabilities of both classes: */
    ROWAN_LINK_BOTH,         /* 1 - margin, margin */
    ROWAN_LINK_LOGISTIC_BOTH /* logistic(-margin), logistic(margin) */
} rowan_link;

/* What numbers are computed in. */
typedef enum rowan_precision { ROWAN_FLOAT32 = 0, ROWAN_FLOAT64 } rowan_precision;

typedef enum rowan_feature_kind {
    ROWAN_NUMERIC = 0,
    ROWAN_CATEGORICAL /* values are category codes 0, 1, 2 ... */
} rowan_feature_kind;

typedef struct rowan_model_info {
    const char *format;    /* "xgboost-json", "xgboost-ubjson", "lightgbm" ... */
    const char *producer;  /* library and version that wrote it: "xgboost 3.2.0" */
    const char *objective; /* the library's own name: "binary:logistic" */
    const char *booster;   /* "gbtree", "dart" */
    rowan_link link;
    uint32_t n_features;
    uint32_t n_groups;     /* margins a row */
    uint32_t n_outputs;    /* responses a row: n_groups, or 1 for ARGMAX */
    uint32_t n_trees;      /* in the file */
    uint32_t n_trees_used; /* in a prediction (see rowan_iterations) */
    uint64_t n_nodes;      /* of the trees used, leaves included */
    uint64_t n_leaves;
    uint32_t max_depth;      /* splits from root to leaf */
    int32_t best_iteration;  /* recorded by early stopping; -1 if none */
    uint64_t image_bytes;    /* of the compiled model */
    uint64_t fingerprint;    /* of the compiled model: equal models, equal prints */
    const char *kernel;      /* that scores on this CPU */
    rowan_precision rows;    /* what values of rows are rounded to before they are compared */
    rowan_precision results; /* float32: every result is one exactly */
    int has_contributions;   /* what rowan_contributions_* needs is in the model */
} rowan_model_info;

/* Which boosting rounds take part.  A file that early stopping wrote holds
 * rounds after the best one: XGBoost's Booster.predict uses them all, its
 * scikit-learn classes stop at the best.  Rowan does as the Booster unless
 * told otherwise, because a model file alone does not say who will read it. */
typedef enum rowan_iterations {
    ROWAN_ITERATIONS_ALL = 0,
    ROWAN_ITERATIONS_BEST = -1 /* any n > 0: the first n rounds */
} rowan_iterations;

typedef struct rowan_load_options {
    int32_t iterations; /* a rowan_iterations value or a number of rounds */
} rowan_load_options;

/* Loads the model file at `path`; its format is found by content.  `options`
 * may be NULL.  On success *model is owned by the caller. */
ROWAN_API rowan_status rowan_model_load(const char *path, const rowan_load_options *options,
                                        rowan_model **model, rowan_error *error);

/* The same from memory; `name` is used in errors only.  `bytes` may be freed
 * after the call. */
ROWAN_API rowan_status rowan_model_load_memory(const void *bytes, size_t size, const char *name,
                                               const rowan_load_options *options,
                                               rowan_model **model, rowan_error *error);

/* Writes the compiled image of a model to `path` (through a temporary file and
 * one rename), and maps such an image read-only: all processes share one copy. */
ROWAN_API rowan_status rowan_model_save_image(const rowan_model *model, const char *path,
                                              rowan_error *error);
ROWAN_API rowan_status rowan_model_map_image(const char *path, rowan_model **model,
                                             rowan_error *error);

ROWAN_API void rowan_model_free(rowan_model *model);

/* Strings in *info live as long as the model. */
ROWAN_API void rowan_model_describe(const rowan_model *model, rowan_model_info *info);

/* Name of feature `index` (never NULL: "f0", "f1" ... where the file has no
 * names), and its kind. */
ROWAN_API const char *rowan_model_feature_name(const rowan_model *model, uint32_t index);
ROWAN_API rowan_feature_kind rowan_model_feature_kind(const rowan_model *model, uint32_t index);

/* Names of the categories of feature `index`, where the file has them: category
 * `code`, 0 <= code < count, or NULL.  A model that was trained on a data frame
 * takes codes; these names are what the codes stood for. */
ROWAN_API uint32_t rowan_model_category_count(const rowan_model *model, uint32_t index);
ROWAN_API const char *rowan_model_category_name(const rowan_model *model, uint32_t index,
                                                uint32_t code);

typedef enum rowan_output {
    ROWAN_RESPONSE = 0, /* after the link function: [n_rows][n_outputs] */
    ROWAN_MARGIN        /* before it:               [n_rows][n_groups]  */
} rowan_output;

/* Scores `n_rows` rows of `n_features` values each, row-major and contiguous;
 * NaN means missing.  Results go to `out`, row-major, as double: a library that
 * computes in float32 (XGBoost) has its float32 bits kept exactly.  float64 rows
 * are rounded as the library rounds them.  No allocation, no locks. */
ROWAN_API rowan_status rowan_predict_f32(const rowan_model *model, const float *rows, size_t n_rows,
                                         rowan_output output, double *out, rowan_error *error);
ROWAN_API rowan_status rowan_predict_f64(const rowan_model *model, const double *rows,
                                         size_t n_rows, rowan_output output, double *out,
                                         rowan_error *error);

/* Contributions: how much each feature moves a row's margin away from the mean margin
 * of the training rows (exact path-dependent TreeSHAP, as XGBoost's pred_contribs and
 * LightGBM's pred_contrib).  out [n_rows][n_groups][n_features + 1]: margins, the last
 * one the mean; together they sum to the row's margin.  ROWAN_UNSUPPORTED where
 * rowan_model_info.has_contributions is 0.  Takes no memory but 128 KiB of stack. */
ROWAN_API rowan_status rowan_contributions_f32(const rowan_model *model, const float *rows,
                                               size_t n_rows, double *out, rowan_error *error);
ROWAN_API rowan_status rowan_contributions_f64(const rowan_model *model, const double *rows,
                                               size_t n_rows, double *out, rowan_error *error);

#ifdef __cplusplus
}
#endif
#endif

/*
 * fuzz_served.h - the contract and the model that requests and rows are put to.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FUZZ_SERVED_H
#define FUZZ_SERVED_H

#include <stdlib.h>
#include <string.h>

#include "contract/contract.h"

static const char contract_text[] =
    "{\"type\":\"object\",\"required\":[\"id\",\"tx_amount\"],\"properties\":{"
    "\"id\":{\"type\":\"string\",\"maxLength\":40},"
    "\"tx_amount\":{\"type\":\"number\",\"exclusiveMinimum\":0},"
    "\"tx_time_seconds\":{\"type\":[\"integer\",\"null\"],\"minimum\":0},"
    "\"online\":{\"type\":\"boolean\"},"
    "\"country\":{\"type\":\"string\",\"enum\":[\"DE\",\"FR\"]},"
    "\"kind\":{\"type\":[\"string\",\"null\"]}},"
    "\"x-rowan\":{\"model\":\"m\",\"version\":\"1\",\"type\":\"XGBoost\",\"model_file\":\"m\","
    "\"id\":\"id\",\"features\":[{\"name\":\"a\",\"from\":\"tx_amount\"},"
    "{\"name\":\"w\",\"weekend\":\"tx_time_seconds\"},{\"name\":\"n\",\"night\":"
    "\"tx_time_seconds\"},{\"name\":\"o\",\"from\":\"online\"},{\"name\":\"c\",\"from\":"
    "\"country\"},{\"name\":\"k\",\"category\":\"kind\"}]}}";

/* One split on the amount, and one on a set of kinds, which have names. */
static const char model_text[] =
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=5\n"
    "objective=binary sigmoid:1\nfeature_names=a w n o c k\n"
    "feature_infos=[0:9] none none none none 0:1:2\n\n"
    "Tree=0\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 5\nthreshold=100 0\ndecision_type=2 1\n"
    "left_child=1 -1\nright_child=-2 -3\nleaf_value=-2 3 1\ncat_boundaries=0 1\n"
    "cat_threshold=2\ninternal_count=10 6\nleaf_count=4 5 1\n\nend of trees\n"
    "pandas_categorical:[[\"card\", \"cash\", \"b\\u00e9\"]]\n";

static struct rw_contract *contract;
static rowan_model *model;

static void load(void) {
    if (rw_contract_parse(contract_text, strlen(contract_text), &contract, NULL) != ROWAN_OK ||
        rowan_model_load_memory(model_text, strlen(model_text), "fuzz", NULL, &model, NULL) !=
            ROWAN_OK ||
        rw_contract_bind(contract, model, NULL) != ROWAN_OK)
        abort();
}

#endif

/*
 * openapi.c - the service with this contract as an OpenAPI 3.1 document.
 *
 * The document is text with the contract's own schema in it.  Its constant parts
 * are written with ' for ", so that they read as JSON does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "contract/schema.h"

#define MEDIA(schema) "{'application/json':{'schema':" schema "}}"
#define REF(name)     "{'$ref':'#/components/schemas/" name "'}"

static void add_quoted(struct rw_buffer *out, const char *text) {
    for (const char *quote; (quote = strchr(text, '\'')); text = quote + 1) {
        rw_buffer_add(out, text, (size_t)(quote - text));
        rw_buffer_add(out, "\"", 1);
    }
    rw_buffer_text(out, text);
}

static void add_string(struct rw_buffer *out, const char *text) {
    rw_buffer_text(out, "\"");
    rw_buffer_json_escaped(out, text, strlen(text));
    rw_buffer_text(out, "\"");
}

/* ---- the contract's schema and an example of it ---------------------------------------- */

static void add_document(struct rw_buffer *out, yyjson_mut_doc *document) {
    size_t length = 0;
    char *text = document ? yyjson_mut_write(document, 0, &length) : NULL;
    if (text)
        rw_buffer_add(out, text, length);
    else
        out->failed = true;
    free(text);
    yyjson_mut_doc_free(document);
}

/* The contract as it is, without what only Rowan or a file of its own needs. */
static void add_transaction(struct rw_buffer *out, const struct rw_contract *contract) {
    static const char *const removed[] = {"$schema", "$id", "x-rowan"};
    yyjson_mut_doc *document = yyjson_doc_mut_copy(contract->document, NULL);
    for (size_t i = 0; document && i < sizeof removed / sizeof *removed; i++)
        yyjson_mut_obj_remove_key(yyjson_mut_doc_get_root(document), removed[i]);
    add_document(out, document);
}

/* A transaction of every property's first example. */
static void add_example(struct rw_buffer *out, const struct rw_contract *contract) {
    yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *example = yyjson_mut_obj(document);
    yyjson_val *properties = yyjson_obj_get(yyjson_doc_get_root(contract->document), "properties");
    size_t i, max;
    yyjson_val *key, *schema;
    yyjson_obj_foreach(properties, i, max, key, schema) {
        yyjson_val *first = yyjson_arr_get_first(yyjson_obj_get(schema, "examples"));
        if (first)
            yyjson_mut_obj_add(example, yyjson_val_mut_copy(document, key),
                               yyjson_val_mut_copy(document, first));
    }
    yyjson_mut_doc_set_root(document, example);
    add_document(out, document);
}

/* ---- schemas of replies ------------------------------------------------------------------ */

static void add_id_schema(struct rw_buffer *out, const struct rw_contract *contract) {
    if (contract->id == RW_NO_PROPERTY)
        return;
    const struct rw_property *id = &contract->properties[contract->id];
    add_string(out, id->name);
    add_quoted(out, id->required && !id->nullable ? ":{'type':'string'},"
                                                  : ":{'type':['string','null']},");
}

static void add_reasons_schema(struct rw_buffer *out, const struct rw_contract *contract) {
    add_quoted(out, "'reasons':{'type':'array','maxItems':");
    rw_buffer_printf(out, "%u", contract->n_features);
    add_quoted(out, ",'description':'With explain: what moved the margin of this prediction most, "
                    "largest first','items':{'type':'object','required':['feature','value',"
                    "'contribution'],'properties':{'feature':{'type':'string'},'value':{'type':"
                    "['number','null']},'contribution':{'type':'number'}}}},");
}

static void add_prediction(struct rw_buffer *out, const struct rw_contract *contract) {
    add_quoted(out, "{'type':'object','properties':{");
    add_id_schema(out, contract);
    if (contract->is_probability)
        add_quoted(out, "'fraud_probability':{'type':'number','minimum':0,'maximum':1},"
                        "'risk_level':{'type':'string','enum':['low','medium','high']},"
                        "'confidence_score':{'type':'number','minimum':0.5,'maximum':1},");
    else
        add_quoted(out, "'score':{'type':['number','null']},");
    add_reasons_schema(out, contract);
    add_quoted(out, "'model_version':{'type':'string'},'model_type':{'type':'string'},"
                    "'prediction_time':{'type':'string','format':'date-time'}},'required':[");
    if (contract->id != RW_NO_PROPERTY) {
        add_string(out, contract->properties[contract->id].name);
        rw_buffer_text(out, ",");
    }
    add_quoted(out, contract->is_probability
                        ? "'fraud_probability','risk_level','confidence_score',"
                        : "'score',");
    add_quoted(out, "'model_version','model_type','prediction_time']}");
}

static const char fixed_schemas[] =
    "'HTTPValidationError':{'type':'object','required':['detail'],'properties':{'detail':"
    "{'type':'array','items':" REF(
        "ValidationError") "}}},"
                           "'ValidationError':{'type':'object','required':['type','loc','msg'],'"
                           "properties':{"
                           "'type':{'type':'string'},'loc':{'type':'array','items':{'type':['"
                           "string','integer']}},"
                           "'msg':{'type':'string'},'ctx':{'type':'object'}}},"
                           "'Error':{'type':'object','required':['detail'],'properties':{'detail':{"
                           "'type':'string'}}},"
                           "'Health':{'type':'object','required':['status','model_loaded'],'"
                           "properties':{"
                           "'status':{'type':'string'},'model_loaded':{'type':'boolean'},"
                           "'model_type':{'type':['string','null']},'version':{'type':['string','"
                           "null']},"
                           "'timestamp':{'type':'string','format':'date-time'},'environment':{'"
                           "type':'string'},'replica':{'type':'string'}}}";

static void add_components(struct rw_buffer *out, const struct rw_contract *contract) {
    add_quoted(out, "'components':{'schemas':{'Transaction':");
    add_transaction(out, contract);
    add_quoted(out, ",'Prediction':");
    add_prediction(out, contract);
    rw_buffer_text(out, ",");
    add_quoted(out, fixed_schemas);
    rw_buffer_text(out, "}}");
}

/* ---- paths ---------------------------------------------------------------------------------- */

static const struct {
    const char *status, *description, *content;
} predict_responses[] = {
    {"413", "The body is larger than the server reads", MEDIA(REF("Error"))},
    {"415", "The body is not application/json", MEDIA(REF("Error"))},
    {"422", "The body or the query breaks the contract", MEDIA(REF("HTTPValidationError"))},
    {"429", "More requests than the server allows", MEDIA(REF("Error"))},
    {"503", "No model is loaded", MEDIA(REF("Error"))},
};

static const struct {
    const char *path, *id, *summary, *content;
    bool needs_model; /* answers 503 without one */
} pages[] = {
    {"/health", "health", "What is served, and whether it works", MEDIA(REF("Health")), true},
    {"/livez", "live", "Is the process alive?", MEDIA("{'type':'object'}"), false},
    {"/readyz", "ready", "May it get traffic?", MEDIA("{'type':'object'}"), true},
    {"/metrics", "metrics", "What it has done, for Prometheus",
     "{'text/plain':{'schema':{'type':'string'}},"
     "'application/openmetrics-text':{'schema':{'type':'string'}}}",
     false},
    {"/", "root", "What this service is",
     "{'application/json':{'schema':{'type':'object'}},'text/html':{'schema':{'type':'string'}}}",
     false},
    {"/openapi.json", "openapi", "This document", MEDIA("{'type':'object'}"), false},
    {"/docs", "docs", "This document to try out in a browser",
     "{'text/html':{'schema':{'type':'string'}}}", false},
};

static void add_response(struct rw_buffer *out, const char *status, const char *description,
                         const char *content) {
    add_string(out, status);
    add_quoted(out, ":{'description':");
    add_string(out, description);
    add_quoted(out, ",'content':");
    add_quoted(out, content);
    rw_buffer_text(out, "}");
}

static void add_predict(struct rw_buffer *out, const struct rw_contract *contract) {
    add_quoted(out, "'/predict':{'post':{'operationId':'predict','summary':"
                    "'Scores one transaction, or an array of them','parameters':[{'name':"
                    "'explain','in':'query','required':false,'description':'Number of reasons that "
                    "each prediction gets','schema':{'type':'integer','minimum':1,'maximum':");
    rw_buffer_printf(out, "%u", contract->n_features);
    add_quoted(out, "}}],'requestBody':"
                    "{'required':true,'content':{'application/json':{'schema':{'oneOf':[" REF(
                        "Transaction") ",{'type':'array','items':" REF("Transaction"));
    rw_buffer_printf(out, ",\"maxItems\":%u}]},\"example\":", RW_BATCH_MAX_ROWS);
    add_example(out, contract);
    add_quoted(out, "}}},'responses':{");
    add_response(
        out, "200", "A prediction a transaction, in their order",
        MEDIA("{'oneOf':[" REF("Prediction") ",{'type':'array','items':" REF("Prediction") "}]}"));
    for (size_t i = 0; i < sizeof predict_responses / sizeof *predict_responses; i++) {
        rw_buffer_text(out, ",");
        add_response(out, predict_responses[i].status, predict_responses[i].description,
                     predict_responses[i].content);
    }
    rw_buffer_text(out, "}}}");
}

static void add_page(struct rw_buffer *out, size_t i) {
    rw_buffer_text(out, ",");
    add_string(out, pages[i].path);
    add_quoted(out, ":{'get':{'operationId':");
    add_string(out, pages[i].id);
    add_quoted(out, ",'summary':");
    add_string(out, pages[i].summary);
    add_quoted(out, ",'responses':{");
    add_response(out, "200", "OK", pages[i].content);
    if (pages[i].needs_model) {
        rw_buffer_text(out, ",");
        add_response(out, "503", "No model is loaded", pages[i].content);
    }
    rw_buffer_text(out, "}}}");
}

void rw_contract_openapi(const struct rw_contract *contract, struct rw_buffer *out) {
    char title[16 + RW_SETTING_TEXT_MAX] = "Rowan: ";
    strncat(title, contract->settings.model, RW_SETTING_TEXT_MAX);
    add_quoted(out, "{'openapi':'3.1.0','info':{'title':");
    add_string(out, title);
    add_quoted(out, ",'version':");
    add_string(out, contract->settings.version);
    add_quoted(out, ",'license':{'name':'Apache 2.0','identifier':'Apache-2.0'}},'paths':{");
    add_predict(out, contract);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        add_page(out, i);
    rw_buffer_text(out, "},");
    add_components(out, contract);
    rw_buffer_text(out, "}");
}

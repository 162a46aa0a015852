
/*
 * Client: who sends a request, and whether it may have a prediction.
 *
 * A client is the name of its API key, else its verified certificate, else its
 * address.  Limits ask before access is checked, logs after; so the answer is
 * found when it is first asked for, and kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


#define NGX_HTTP_ROWAN_NETWORK6_BYTES  8  /* of IPv6: one client has a /64 */

#define NGX_HTTP_ROWAN_KEY_PREFIX      "key:"
#define NGX_HTTP_ROWAN_CERT_PREFIX     "cert:"

#define NGX_HTTP_ROWAN_ASK_KEY         "Bearer realm=\"rowan\""
#define NGX_HTTP_ROWAN_ASK_RIGHT_KEY                                          \
    NGX_HTTP_ROWAN_ASK_KEY ", error=\"invalid_token\""


static ngx_int_t ngx_http_rowan_client_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_rowan_client_refuse(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx);
static ngx_int_t ngx_http_rowan_client_get(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client);
static void ngx_http_rowan_client_anonymous(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client);
static ngx_int_t ngx_http_rowan_client_identify(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client);
static ngx_int_t ngx_http_rowan_client_by_key(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client);
static ngx_int_t ngx_http_rowan_client_sent_key(ngx_http_request_t *r,
    ngx_str_t *key);
static ngx_table_elt_t *ngx_http_rowan_client_header(ngx_http_request_t *r,
    const char *lowcase, size_t len);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_rowan_client_by_certificate(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client);
static ngx_int_t ngx_http_rowan_client_common_name(X509 *cert,
    ngx_str_t *name);
#endif
static ngx_int_t ngx_http_rowan_client_by_address(ngx_http_request_t *r,
    ngx_str_t *name);
#if (NGX_HAVE_INET6)
static ngx_int_t ngx_http_rowan_client_by_network(ngx_http_request_t *r,
    u_char *address, ngx_str_t *name);
#endif


ngx_int_t
ngx_http_rowan_client_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_rowan_client_handler;

    return NGX_OK;
}


/* notes that somebody may have predictions without showing anything */

void
ngx_http_rowan_client_merge(ngx_conf_t *cf, ngx_http_rowan_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_rowan_main_conf_t  *rmcf;
#if (NGX_HTTP_SSL)
    ngx_http_ssl_srv_conf_t     *sscf;
#endif

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != ngx_http_rowan_predict_handler
        || conf->keys_required)
    {
        return;
    }

#if (NGX_HTTP_SSL)

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    if (sscf->verify == 1) {
        return;
    }

#endif

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_rowan_module);
    rmcf->open = 1;
}


void
ngx_http_rowan_client_warn(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf)
{
    if (rmcf->open) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "predictions are open to everybody who reaches this "
                      "server: neither an API key nor a client certificate "
                      "is required");
    }
}


/* predictions only: health, metrics and pages stay open */

static ngx_int_t
ngx_http_rowan_client_handler(ngx_http_request_t *r)
{
    ngx_http_rowan_ctx_t       *ctx;
    ngx_http_rowan_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    if (rlcf->keys == NULL
        || r->content_handler != ngx_http_rowan_predict_handler)
    {
        return NGX_DECLINED;
    }

    ctx = ngx_http_rowan_get_ctx(r);

    if (ctx == NULL
        || (ctx->client.credential == NGX_HTTP_ROWAN_NOT_ASKED
            && ngx_http_rowan_client_identify(r, &ctx->client) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->client.credential == NGX_HTTP_ROWAN_KEY) {
        return NGX_OK;
    }

    if (ctx->client.credential == NGX_HTTP_ROWAN_WRONG_KEY
        || (ctx->client.credential == NGX_HTTP_ROWAN_ANONYMOUS
            && rlcf->keys_required))
    {
        return ngx_http_rowan_client_refuse(r, ctx);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_rowan_client_refuse(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "WWW-Authenticate");

    if (ctx->client.credential == NGX_HTTP_ROWAN_WRONG_KEY) {
        ngx_str_set(&h->value, NGX_HTTP_ROWAN_ASK_RIGHT_KEY);

    } else {
        ngx_str_set(&h->value, NGX_HTTP_ROWAN_ASK_KEY);
    }

    /* where "satisfy any" finds another reason, nginx takes it back */

    r->headers_out.www_authenticate = h;
    ctx->refused = NGX_HTTP_ROWAN_REFUSED_KEY;

    return NGX_HTTP_UNAUTHORIZED;
}


/* a request whose header could not be read is known by its address alone */

static ngx_int_t
ngx_http_rowan_client_get(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client)
{
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r->main);

    if (ctx == NULL) {
        ngx_http_rowan_client_anonymous(r, client);
        return ngx_http_rowan_client_by_address(r, &client->name);
    }

    if (ctx->client.credential == NGX_HTTP_ROWAN_NOT_ASKED
        && ngx_http_rowan_client_identify(r->main, &ctx->client) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *client = ctx->client;

    return NGX_OK;
}


/* where some have keys, those that have none come last */

static void
ngx_http_rowan_client_anonymous(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client)
{
    ngx_http_rowan_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    ngx_memzero(client, sizeof(ngx_http_rowan_client_t));

    client->credential = NGX_HTTP_ROWAN_ANONYMOUS;
    client->priority = rlcf->keys ? RW_KEY_LOW : RW_KEY_NORMAL;
}


static ngx_int_t
ngx_http_rowan_client_identify(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client)
{
    ngx_int_t                   rc;
    ngx_http_rowan_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    ngx_http_rowan_client_anonymous(r, client);

    if (rlcf->keys) {
        rc = ngx_http_rowan_client_by_key(r, client);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

#if (NGX_HTTP_SSL)

    if (client->credential == NGX_HTTP_ROWAN_ANONYMOUS
        && r->connection->ssl)
    {
        rc = ngx_http_rowan_client_by_certificate(r, client);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

#endif

    return ngx_http_rowan_client_by_address(r, &client->name);
}


/* NGX_DECLINED: the address counts, as for a client that guesses keys */

static ngx_int_t
ngx_http_rowan_client_by_key(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client)
{
    u_char                     *p;
    size_t                      prefix;
    uint8_t                     digest[RW_KEY_DIGEST_BYTES];
    ngx_str_t                   sent;
    const struct rw_key        *key;
    ngx_http_rowan_loc_conf_t  *rlcf;

    if (ngx_http_rowan_client_sent_key(r, &sent) != NGX_OK) {
        return NGX_DECLINED;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    client->credential = NGX_HTTP_ROWAN_WRONG_KEY;

    if (sent.len > RW_KEY_MAX) {
        return NGX_DECLINED;
    }

    if (!rw_key_digest((char *) sent.data, sent.len, digest)) {
        return NGX_ERROR;
    }

    key = rw_keys_find(rlcf->keys->keys, digest);
    if (key == NULL) {
        return NGX_DECLINED;
    }

    /* copies: the keys may be replaced before the request is logged */

    prefix = sizeof(NGX_HTTP_ROWAN_KEY_PREFIX) - 1;

    p = ngx_pnalloc(r->pool, prefix + RW_KEY_NAME_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    client->credential = NGX_HTTP_ROWAN_KEY;
    client->priority = key->class;

    client->name.data = p;
    client->name.len = ngx_sprintf(p, NGX_HTTP_ROWAN_KEY_PREFIX "%s",
                                   key->name) - p;

    client->key.data = p + prefix;
    client->key.len = client->name.len - prefix;

    return NGX_OK;
}


/* X-API-Key: KEY, else Authorization: Bearer KEY */

static ngx_int_t
ngx_http_rowan_client_sent_key(ngx_http_request_t *r, ngx_str_t *key)
{
    u_char           *p, *last;
    ngx_table_elt_t  *h;

    h = ngx_http_rowan_client_header(r, "x-api-key", sizeof("x-api-key") - 1);

    if (h) {
        *key = h->value;
        return NGX_OK;
    }

    h = r->headers_in.authorization;

    if (h == NULL || h->value.len < sizeof("Bearer ") - 1
        || ngx_strncasecmp(h->value.data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    p = h->value.data + sizeof("Bearer ") - 1;
    last = h->value.data + h->value.len;

    while (p < last && *p == ' ') {
        p++;
    }

    key->data = p;
    key->len = last - p;

    return NGX_OK;
}


static ngx_table_elt_t *
ngx_http_rowan_client_header(ngx_http_request_t *r, const char *lowcase,
    size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncmp(h[i].lowcase_key, lowcase, len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


#if (NGX_HTTP_SSL)

/* by its common name, or by its fingerprint where that is no plain name */

static ngx_int_t
ngx_http_rowan_client_by_certificate(ngx_http_request_t *r,
    ngx_http_rowan_client_t *client)
{
    X509       *cert;
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   verified, name;
    u_char      common[RW_KEY_NAME_MAX];

    if (ngx_ssl_get_client_verify(r->connection, r->pool, &verified)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (verified.len != sizeof("SUCCESS") - 1
        || ngx_strncmp(verified.data, "SUCCESS", verified.len) != 0)
    {
        return NGX_DECLINED;
    }

    cert = SSL_get_peer_certificate(r->connection->ssl->connection);
    if (cert == NULL) {
        return NGX_DECLINED;
    }

    name.data = common;

    rc = ngx_http_rowan_client_common_name(cert, &name);

    X509_free(cert);

    if (rc != NGX_OK
        && ngx_ssl_get_fingerprint(r->connection, r->pool, &name) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, sizeof(NGX_HTTP_ROWAN_CERT_PREFIX) - 1 + name.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    client->credential = NGX_HTTP_ROWAN_CERTIFICATE;
    client->priority = RW_KEY_NORMAL;

    client->name.data = p;
    client->name.len = ngx_sprintf(p, NGX_HTTP_ROWAN_CERT_PREFIX "%V",
                                   &name) - p;

    return NGX_OK;
}


/* of RW_KEY_NAME_MAX bytes at most, into name->data; NGX_DECLINED: no name */

static ngx_int_t
ngx_http_rowan_client_common_name(X509 *cert, ngx_str_t *name)
{
    int                   at;
    X509_NAME            *subject;
    ASN1_STRING          *text;
    const unsigned char  *data;

    subject = X509_get_subject_name(cert);

    at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    /* of several names none would be the one */

    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
    {
        return NGX_DECLINED;
    }

    text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

    data = ASN1_STRING_get0_data(text);
    name->len = ASN1_STRING_length(text);

    if (!rw_key_name_valid((const char *) data, name->len)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(name->data, data, name->len);

    return NGX_OK;
}

#endif


/* as the realip module has set it, where it is used */

static ngx_int_t
ngx_http_rowan_client_by_address(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_connection_t      *c;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6   *sin6;
#endif

    c = r->connection;

    switch (c->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;
        return ngx_http_rowan_client_by_network(r, sin6->sin6_addr.s6_addr,
                                                name);
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
    case AF_UNIX:
        ngx_str_set(name, "unix:");
        return NGX_OK;
#endif

    default: /* AF_INET */
        *name = c->addr_text;
        return NGX_OK;
    }
}


#if (NGX_HAVE_INET6)

/* a client of IPv6 has 2^64 addresses: its network counts */

static ngx_int_t
ngx_http_rowan_client_by_network(ngx_http_request_t *r, u_char *address,
    ngx_str_t *name)
{
    u_char  *p, network[16];

    p = ngx_pnalloc(r->pool, NGX_INET6_ADDRSTRLEN + sizeof("/64") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    name->data = p;

    if (IN6_IS_ADDR_V4MAPPED((struct in6_addr *) address)) {
        name->len = ngx_sprintf(p, "%ud.%ud.%ud.%ud", address[12],
                                address[13], address[14], address[15]) - p;
        return NGX_OK;
    }

    ngx_memzero(network, sizeof(network));
    ngx_memcpy(network, address, NGX_HTTP_ROWAN_NETWORK6_BYTES);

    p += ngx_inet6_ntop(network, p, NGX_INET6_ADDRSTRLEN);
    p = ngx_cpymem(p, "/64", sizeof("/64") - 1);

    name->len = p - name->data;

    return NGX_OK;
}

#endif


ngx_int_t
ngx_http_rowan_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_rowan_client_t  client;

    if (ngx_http_rowan_client_get(r, &client) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_rowan_set(v, client.name.data, client.name.len);

    return NGX_OK;
}


/* empty, but there, without a key */

ngx_int_t
ngx_http_rowan_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_rowan_client_t  client;

    if (ngx_http_rowan_client_get(r, &client) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_rowan_set(v, client.key.data, client.key.len);

    return NGX_OK;
}


ngx_int_t
ngx_http_rowan_priority_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char               *name;
    ngx_http_rowan_client_t   client;

    if (ngx_http_rowan_client_get(r, &client) != NGX_OK) {
        return NGX_ERROR;
    }

    name = rw_key_class_name(client.priority);

    ngx_http_rowan_set(v, (u_char *) name, ngx_strlen(name));

    return NGX_OK;
}

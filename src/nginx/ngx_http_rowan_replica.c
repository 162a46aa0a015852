
/*
 * The name of this replica: who answers where several share an address.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


/* rowan_replica NAME; it goes into a header field as it is */

char *
ngx_http_rowan_replica_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_rowan_loc_conf_t  *rlcf = conf;

    u_char      c;
    ngx_str_t  *value;
    ngx_uint_t  i;

    if (rlcf->replica.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {
        c = value[1].data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
        {
            break;
        }
    }

    if (i == 0 || i < value[1].len || i > NGX_HTTP_ROWAN_REPLICA_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name \"%V\" must be 1 to %d letters, digits, "
                           "\"_\", \".\" or \"-\"",
                           &value[1], NGX_HTTP_ROWAN_REPLICA_MAX);
        return NGX_CONF_ERROR;
    }

    rlcf->replica = value[1];

    return NGX_CONF_OK;
}


/* X-Rowan-Replica: counters of different replicas are different counters */

ngx_int_t
ngx_http_rowan_add_replica(ngx_http_request_t *r)
{
    ngx_http_rowan_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    if (rlcf->replica.len == 0) {
        return NGX_OK;
    }

    /* words of the configuration end with a zero byte */

    return ngx_http_rowan_add_header(r, "X-Rowan-Replica",
                                     (char *) rlcf->replica.data);
}

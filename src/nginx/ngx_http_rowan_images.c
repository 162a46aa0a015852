
/*
 * Image files: NAME.OWNER.CYCLE.GENERATION.img in rowan_image_dir, written by
 * the master or by one worker, mapped by all.  The master of the process
 * "owner" removes them; what a killed master left is removed by the next.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static ngx_int_t ngx_http_rowan_image_numbers(u_char *name, size_t len,
    ngx_int_t numbers[3]);
static ngx_int_t ngx_http_rowan_image_stale(ngx_http_rowan_main_conf_t *rmcf,
    ngx_int_t numbers[3]);
static ngx_int_t ngx_http_rowan_image_own(ngx_http_rowan_main_conf_t *rmcf,
    ngx_int_t numbers[3]);
static void ngx_http_rowan_images_remove(ngx_http_rowan_main_conf_t *rmcf,
    ngx_log_t *log, ngx_int_t (*which)(ngx_http_rowan_main_conf_t *rmcf,
    ngx_int_t numbers[3]));


void
ngx_http_rowan_images_name(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_uint_t generation, u_char *file)
{
    u_char  *p;

    p = ngx_snprintf(file, NGX_HTTP_ROWAN_FILE_MAX - 1, "%V.%P.%ui.%ui.img",
                     &model->name, rmcf->owner, rmcf->cycle, generation);
    *p = '\0';
}


ngx_int_t
ngx_http_rowan_images_path(ngx_http_rowan_main_conf_t *rmcf, u_char *file,
    u_char *path, size_t size)
{
    u_char  *p;

    p = ngx_snprintf(path, size - 1, "%V/%s", &rmcf->image_dir->name, file);
    *p = '\0';

    return p < path + size - 1 ? NGX_OK : NGX_ERROR;
}


/* OWNER, CYCLE and GENERATION of a file name; NGX_DECLINED: not an image */

static ngx_int_t
ngx_http_rowan_image_numbers(u_char *name, size_t len, ngx_int_t numbers[3])
{
    u_char      *end, *start;
    ngx_uint_t   i;

    if (len < sizeof(".img") - 1
        || ngx_strcmp(name + len - (sizeof(".img") - 1), ".img") != 0)
    {
        return NGX_DECLINED;
    }

    end = name + len - (sizeof(".img") - 1);

    for (i = 3; i > 0; i--) {
        for (start = end; start > name && start[-1] != '.'; start--) {
            /* void */
        }

        numbers[i - 1] = ngx_atoi(start, end - start);

        if (start == name || numbers[i - 1] <= 0) {
            return NGX_DECLINED;
        }

        end = start - 1;
    }

    return NGX_OK;
}


/* an image whose owner is gone, or whose owner's number came back to us */

static ngx_int_t
ngx_http_rowan_image_stale(ngx_http_rowan_main_conf_t *rmcf,
    ngx_int_t numbers[3])
{
    if ((ngx_pid_t) numbers[0] == rmcf->owner) {
        return rmcf->cycle == 1;
    }

    return kill((ngx_pid_t) numbers[0], 0) == -1 && ngx_errno == ESRCH;
}


static ngx_int_t
ngx_http_rowan_image_own(ngx_http_rowan_main_conf_t *rmcf,
    ngx_int_t numbers[3])
{
    return (ngx_pid_t) numbers[0] == rmcf->owner
           && (ngx_uint_t) numbers[1] == rmcf->cycle;
}


static void
ngx_http_rowan_images_remove(ngx_http_rowan_main_conf_t *rmcf, ngx_log_t *log,
    ngx_int_t (*which)(ngx_http_rowan_main_conf_t *rmcf, ngx_int_t numbers[3]))
{
    u_char     *name, path[NGX_MAX_PATH];
    ngx_dir_t   dir;
    ngx_int_t   numbers[3];

    if (ngx_open_dir(&rmcf->image_dir->name, &dir) == NGX_ERROR) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      ngx_open_dir_n " \"%V\" failed, old images stay",
                      &rmcf->image_dir->name);
        return;
    }

    while (ngx_read_dir(&dir) == NGX_OK) {
        name = ngx_de_name(&dir);

        if (ngx_http_rowan_image_numbers(name, ngx_de_namelen(&dir), numbers)
            == NGX_OK
            && which(rmcf, numbers)
            && ngx_http_rowan_images_path(rmcf, name, path, sizeof(path))
               == NGX_OK)
        {
            (void) ngx_delete_file(path);
        }
    }

    (void) ngx_close_dir(&dir);
}


void
ngx_http_rowan_images_init(ngx_http_rowan_main_conf_t *rmcf, ngx_log_t *log)
{
    ngx_http_rowan_images_remove(rmcf, log, ngx_http_rowan_image_stale);
}


/*
 * The end of a configuration: its images are still mapped where in use.  The
 * slots cannot tell their names: at a reload nginx has unmapped them before.
 */

void
ngx_http_rowan_images_cleanup(void *data)
{
    ngx_http_rowan_main_conf_t  *rmcf = data;

    if (rmcf->owner == 0 || rmcf->owner != ngx_getpid()) {
        return;
    }

    if (rmcf->lock_fd != -1) {
        (void) close(rmcf->lock_fd);
    }

    ngx_http_rowan_images_remove(rmcf, ngx_cycle->log,
                                 ngx_http_rowan_image_own);
}


/*
 * One worker loads a changed directory: the one that holds the lock on the
 * model's byte of this file.  The kernel releases the lock of a dead worker.
 * The master opens the file and removes its name; workers inherit it.
 */

ngx_int_t
ngx_http_rowan_images_lock_open(ngx_http_rowan_main_conf_t *rmcf,
    ngx_log_t *log)
{
    u_char  file[NGX_HTTP_ROWAN_FILE_MAX], path[NGX_MAX_PATH], *p;

    p = ngx_snprintf(file, sizeof(file) - 1, "lock.%P.%ui", rmcf->owner,
                     rmcf->cycle);
    *p = '\0';

    if (ngx_http_rowan_images_path(rmcf, file, path, sizeof(path)) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "\"rowan_image_dir\" is too long");
        return NGX_ERROR;
    }

    rmcf->lock_fd = open((char *) path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (rmcf->lock_fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_open_file_n " \"%s\" failed", path);
        return NGX_ERROR;
    }

    (void) ngx_delete_file(path);

    return NGX_OK;
}


static ngx_int_t
ngx_http_rowan_images_set_lock(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, short type)
{
    struct flock  fl;

    ngx_memzero(&fl, sizeof(struct flock));

    fl.l_type = type;
    fl.l_whence = SEEK_SET;
    fl.l_start = (off_t) model->index;
    fl.l_len = 1;

    return fcntl(rmcf->lock_fd, F_SETLK, &fl) == 0 ? NGX_OK : NGX_BUSY;
}


ngx_int_t
ngx_http_rowan_images_lock(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model)
{
    return ngx_http_rowan_images_set_lock(rmcf, model, F_WRLCK);
}


void
ngx_http_rowan_images_unlock(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model)
{
    (void) ngx_http_rowan_images_set_lock(rmcf, model, F_UNLCK);
}

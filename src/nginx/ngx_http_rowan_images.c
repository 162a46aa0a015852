
/*
 * Image files: NAME.ID.GENERATION.img in rowan_image_dir, written by the
 * master or by one worker, mapped by all.  ID is a random number of one
 * configuration of one server; its file ID.lock is locked as long as a process
 * of this configuration lives, because a lock of an open file description goes
 * with fork() and ends with the last process that has it.  So servers may
 * share a directory, and what killed ones left is removed by the next.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"

#include <sys/random.h>


/* bytes of the lock file: one a model, then that of the configuration */
#define NGX_HTTP_ROWAN_LOCK_ALIVE  NGX_HTTP_ROWAN_MODELS_MAX

/* another server may take a lock file for a stale one before it is locked */
#define NGX_HTTP_ROWAN_LOCK_TRIES  16


static ngx_int_t ngx_http_rowan_images_lock_try(
    ngx_http_rowan_main_conf_t *rmcf, u_char *path);
static ngx_int_t ngx_http_rowan_lock_byte(ngx_fd_t fd, int cmd, short type,
    off_t byte);
static u_char *ngx_http_rowan_image_id(u_char *name, size_t len);
static ngx_int_t ngx_http_rowan_image_stale(ngx_http_rowan_main_conf_t *rmcf,
    u_char *id);
static ngx_int_t ngx_http_rowan_image_own(ngx_http_rowan_main_conf_t *rmcf,
    u_char *id);
static void ngx_http_rowan_images_remove(ngx_http_rowan_main_conf_t *rmcf,
    ngx_log_t *log, ngx_int_t (*which)(ngx_http_rowan_main_conf_t *rmcf,
    u_char *id));


void
ngx_http_rowan_images_name(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_uint_t generation, u_char *file)
{
    u_char  *p;

    p = ngx_snprintf(file, NGX_HTTP_ROWAN_FILE_MAX - 1, "%V.%s.%ui.img",
                     &model->name, rmcf->id, generation);
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


static ngx_int_t
ngx_http_rowan_images_lock_path(ngx_http_rowan_main_conf_t *rmcf, u_char *id,
    u_char *path, size_t size)
{
    u_char  file[NGX_HTTP_ROWAN_FILE_MAX], *p;

    p = ngx_snprintf(file, sizeof(file) - 1, "%*s.lock",
                     (size_t) NGX_HTTP_ROWAN_ID_LEN, id);
    *p = '\0';

    return ngx_http_rowan_images_path(rmcf, file, path, size);
}


/* ID of NAME.ID.GENERATION.img or ID.lock; NULL: another file */

static u_char *
ngx_http_rowan_image_id(u_char *name, size_t len)
{
    u_char      *id, *end;
    ngx_uint_t   i;

    end = name + len;

    if (len == NGX_HTTP_ROWAN_ID_LEN + 5
        && ngx_strcmp(end - 5, ".lock") == 0)
    {
        id = name;

    } else if (len > 4 && ngx_strcmp(end - 4, ".img") == 0) {

        for (end -= 4; end > name && end[-1] >= '0' && end[-1] <= '9'; end--) {
            /* void */
        }

        if (end - name < NGX_HTTP_ROWAN_ID_LEN + 3 || end[-1] != '.') {
            return NULL;
        }

        id = end - 1 - NGX_HTTP_ROWAN_ID_LEN;

        if (id[-1] != '.') {
            return NULL;
        }

    } else {
        return NULL;
    }

    for (i = 0; i < NGX_HTTP_ROWAN_ID_LEN; i++) {
        if (!((id[i] >= '0' && id[i] <= '9')
              || (id[i] >= 'a' && id[i] <= 'f')))
        {
            return NULL;
        }
    }

    return id;
}


/*
 * No process has the lock any more, or the lock file is gone.  It is removed
 * while this process has the lock: whoever has just created it sees that.
 */

static ngx_int_t
ngx_http_rowan_image_stale(ngx_http_rowan_main_conf_t *rmcf, u_char *id)
{
    u_char     path[NGX_MAX_PATH];
    ngx_fd_t   fd;
    ngx_int_t  stale;

    if (ngx_http_rowan_images_lock_path(rmcf, id, path, sizeof(path))
        != NGX_OK)
    {
        return 0;
    }

    fd = open((char *) path, O_RDWR|O_CLOEXEC);

    if (fd == -1) {
        return ngx_errno == NGX_ENOENT;
    }

    stale = ngx_http_rowan_lock_byte(fd, F_OFD_SETLK, F_WRLCK,
                                     NGX_HTTP_ROWAN_LOCK_ALIVE)
            == NGX_OK;

    if (stale) {
        (void) ngx_delete_file(path);
    }

    (void) close(fd);

    return stale;
}


static ngx_int_t
ngx_http_rowan_image_own(ngx_http_rowan_main_conf_t *rmcf, u_char *id)
{
    return ngx_strncmp(id, rmcf->id, NGX_HTTP_ROWAN_ID_LEN) == 0;
}


static void
ngx_http_rowan_images_remove(ngx_http_rowan_main_conf_t *rmcf, ngx_log_t *log,
    ngx_int_t (*which)(ngx_http_rowan_main_conf_t *rmcf, u_char *id))
{
    u_char     *name, *id, path[NGX_MAX_PATH];
    ngx_dir_t   dir;

    if (ngx_open_dir(&rmcf->image_dir->name, &dir) == NGX_ERROR) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      ngx_open_dir_n " \"%V\" failed, old images stay",
                      &rmcf->image_dir->name);
        return;
    }

    while (ngx_read_dir(&dir) == NGX_OK) {
        name = ngx_de_name(&dir);
        id = ngx_http_rowan_image_id(name, ngx_de_namelen(&dir));

        if (id
            && which(rmcf, id)
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
 * Workers destroy their copy of the configuration too, and remove nothing.
 */

void
ngx_http_rowan_images_cleanup(void *data)
{
    ngx_http_rowan_main_conf_t  *rmcf = data;

    u_char  path[NGX_MAX_PATH];

    if (rmcf->lock_fd == -1
        || ngx_process == NGX_PROCESS_WORKER
        || ngx_process == NGX_PROCESS_HELPER)
    {
        return;
    }

    /* first the name of the lock: see ngx_http_rowan_images_ended() */

    if (ngx_http_rowan_images_lock_path(rmcf, rmcf->id, path, sizeof(path))
        == NGX_OK)
    {
        (void) ngx_delete_file(path);
    }

    ngx_http_rowan_images_remove(rmcf, ngx_cycle->log,
                                 ngx_http_rowan_image_own);

    (void) close(rmcf->lock_fd);
}


/*
 * A worker whose configuration the master has ended must remove what it
 * publishes: either the master has seen the image, or the worker sees this.
 */

ngx_int_t
ngx_http_rowan_images_ended(ngx_http_rowan_main_conf_t *rmcf)
{
    ngx_file_info_t  fi;

    return ngx_fd_info(rmcf->lock_fd, &fi) != NGX_FILE_ERROR
           && fi.st_nlink == 0;
}


/*
 * The lock file has a second use: one worker loads a changed directory, the
 * one that holds the lock on the model's byte of this file.  That lock belongs
 * to the process: the kernel releases the lock of a dead worker.
 */

ngx_int_t
ngx_http_rowan_images_lock_open(ngx_http_rowan_main_conf_t *rmcf,
    ngx_log_t *log)
{
    u_char      path[NGX_MAX_PATH];
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ROWAN_LOCK_TRIES; i++) {

        rc = ngx_http_rowan_images_lock_try(rmcf, path);

        if (rc == NGX_OK) {
            return NGX_OK;
        }

        if (rc == NGX_ERROR) {
            break;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                  "cannot create and lock a file \"%s\" in "
                  "\"rowan_image_dir\"", path);

    return NGX_ERROR;
}


/* NGX_AGAIN: another server was faster */

static ngx_int_t
ngx_http_rowan_images_lock_try(ngx_http_rowan_main_conf_t *rmcf, u_char *path)
{
    u_char           *p;
    uint64_t          id;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    *path = '\0';

    if (getrandom(&id, sizeof(id), 0) != sizeof(id)) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(rmcf->id, "%016xL", id);
    *p = '\0';

    if (ngx_http_rowan_images_lock_path(rmcf, rmcf->id, path, NGX_MAX_PATH)
        != NGX_OK)
    {
        ngx_set_errno(NGX_ENAMETOOLONG);
        return NGX_ERROR;
    }

    fd = open((char *) path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == -1) {
        return ngx_errno == NGX_EEXIST ? NGX_AGAIN : NGX_ERROR;
    }

    if (ngx_http_rowan_lock_byte(fd, F_OFD_SETLK, F_WRLCK,
                                 NGX_HTTP_ROWAN_LOCK_ALIVE)
        == NGX_OK
        && ngx_fd_info(fd, &fi) != NGX_FILE_ERROR
        && fi.st_nlink > 0)
    {
        rmcf->lock_fd = fd;
        return NGX_OK;
    }

    (void) close(fd);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_rowan_lock_byte(ngx_fd_t fd, int cmd, short type, off_t byte)
{
    struct flock  fl;

    ngx_memzero(&fl, sizeof(struct flock));

    fl.l_type = type;
    fl.l_whence = SEEK_SET;
    fl.l_start = byte;
    fl.l_len = 1;

    return fcntl(fd, cmd, &fl) == 0 ? NGX_OK : NGX_BUSY;
}


ngx_int_t
ngx_http_rowan_images_lock(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model)
{
    return ngx_http_rowan_lock_byte(rmcf->lock_fd, F_SETLK, F_WRLCK,
                                    (off_t) model->index);
}


void
ngx_http_rowan_images_unlock(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model)
{
    (void) ngx_http_rowan_lock_byte(rmcf->lock_fd, F_SETLK, F_UNLCK,
                                    (off_t) model->index);
}

/*
 * What would be left after a power cut? This library, preloaded into a program, keeps a second copy of the folder POWERCUT_ROOT in
 * POWERCUT_MIRROR/tree that holds only what the program asked the system to make durable:
 *
 *   fsync/fdatasync of a file    its bytes of now go to POWERCUT_MIRROR/content/INODE
 *   fsync of a folder            its names of now go to the same folder of the mirror's tree, as hard links to those contents;
 *                                a file that was never synced is there, and empty
 *
 * Nothing else reaches the mirror: a name whose folder, or bytes whose file, were not synced are gone. What the folder holds when
 * the program begins is durable (the test copies it to the mirror before).
 *
 * POWERCUT_AT=N kills the process (SIGKILL) at the Nth event: before or after a sync, before a write, a new file, a rename.
 * POWERCUT_FORGET=file:/PATH or folder:/PATH makes syncs of what begins like this leave the mirror alone: data must then be lost.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char root[PATH_MAX], mirror[PATH_MAX], forget[256];
static size_t root_length;
static atomic_long left = 0;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_rename)(const char *, const char *);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t), (*real_writev)(int, const struct iovec *, int);
static int (*real_open)(const char *, int, ...);

static void fail(const char *what, const char *path) {
    char text[PATH_MAX + 128];
    int length = snprintf(text, sizeof text, "powercut: %s %s: %s\n", what, path, strerror(errno));
    if (write(2, text, (size_t)length) < 0) {}
    abort();
}

static void event(void) {
    if (atomic_load(&left) > 0 && atomic_fetch_sub(&left, 1) == 1) kill(getpid(), SIGKILL);
}

/* The path of a descriptor below the root, from its first slash on; NULL if it lies elsewhere. */
static const char *below(int fd, char *buffer) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buffer, PATH_MAX - 1);
    if (n <= 0) return NULL;
    buffer[n] = 0;
    if (strncmp(buffer, root, root_length) != 0) return NULL;
    const char *rest = buffer + root_length;
    if (*rest != '/' && *rest != 0) return NULL;
    if (strstr(rest, "-shm")) return NULL;
    return rest;
}

static void content_path(char *to, ino_t inode) { snprintf(to, PATH_MAX, "%s/content/%lu", mirror, (unsigned long)inode); }
static void marker_path(char *to, ino_t inode) { snprintf(to, PATH_MAX, "%s/content/%lu.folder", mirror, (unsigned long)inode); }
static void tree_path(char *to, const char *rest) { snprintf(to, PATH_MAX, "%s/tree%s", mirror, rest); }

/* The bytes of now. In place: a cut in the middle leaves some of the new bytes, as a disk would. */
static void keep_content(int fd, const char *rest, ino_t inode) {
    static char block[1 << 16];
    char to[PATH_MAX], from[64];
    content_path(to, inode);
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    int in = real_open(from, O_RDONLY | O_CLOEXEC), out = real_open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (in < 0 || out < 0) fail("copies", rest);
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(in, block, sizeof block, at);
        if (n < 0) fail("reads", rest);
        if (n == 0) break;
        if (real_pwrite(out, block, (size_t)n, at) != n) fail("writes", rest);
        at += n;
    }
    if (ftruncate(out, at) != 0) fail("cuts", rest);
    close(in);
    close(out);
}

static void keep_folder(const char *path, const char *rest) {
    char from[PATH_MAX], to[PATH_MAX], content[PATH_MAX], fresh[PATH_MAX];
    struct stat here, there;
    tree_path(to, rest);
    if (stat(to, &there) != 0) {
        /* Its own name is not durable yet; when it becomes so, what was synced is there. */
        if (stat(path, &here) == 0) {
            marker_path(content, here.st_ino);
            int out = real_open(content, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            if (out >= 0) close(out);
        }
        return;
    }
    DIR *folder = opendir(path);
    if (!folder) fail("lists", path);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || strstr(entry->d_name, "-shm")) continue;
        if (snprintf(from, PATH_MAX, "%s/%s", path, entry->d_name) >= PATH_MAX) continue;
        if (lstat(from, &here) != 0) continue;
        if (snprintf(to, PATH_MAX, "%s/tree%s/%s", mirror, rest, entry->d_name) >= PATH_MAX) continue;
        if (S_ISDIR(here.st_mode)) {
            if (mkdir(to, 0700) == 0) {
                marker_path(content, here.st_ino);
                if (access(content, F_OK) == 0) keep_folder(from, to + strlen(mirror) + strlen("/tree"));
            } else if (errno != EEXIST) {
                fail("makes", to);
            }
        } else if (S_ISREG(here.st_mode)) {
            content_path(content, here.st_ino);
            int out = real_open(content, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            if (out < 0) fail("makes", content);
            close(out);
            if (stat(content, &here) != 0) fail("sees", content);
            if (lstat(to, &there) == 0 && there.st_ino == here.st_ino) continue;
            snprintf(fresh, PATH_MAX, "%s/fresh", mirror);
            unlink(fresh);
            if (link(content, fresh) != 0 || real_rename(fresh, to) != 0) fail("links", to);
        }
    }
    closedir(folder);
    tree_path(to, rest);
    if (!(folder = opendir(to))) fail("lists", to);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (snprintf(from, PATH_MAX, "%s/%s", path, entry->d_name) >= PATH_MAX) continue;
        if (lstat(from, &here) == 0 || errno != ENOENT) continue;
        if (snprintf(from, PATH_MAX, "%s/tree%s/%s", mirror, rest, entry->d_name) >= PATH_MAX) continue;
        unlink(from);
    }
    closedir(folder);
}

static void synced(int fd) {
    char path[PATH_MAX];
    struct stat info;
    const char *rest = below(fd, path);
    if (!rest || fstat(fd, &info) != 0) return;
    char tagged[PATH_MAX + 16];
    snprintf(tagged, sizeof tagged, "%s%s", S_ISDIR(info.st_mode) ? "folder:" : "file:", rest);
    if (forget[0] && strncmp(tagged, forget, strlen(forget)) == 0) return;
    pthread_mutex_lock(&lock);
    if (S_ISDIR(info.st_mode)) keep_folder(path, rest);
    else if (S_ISREG(info.st_mode)) keep_content(fd, rest, info.st_ino);
    pthread_mutex_unlock(&lock);
}

static int begin_link(const char *path, const struct stat *info, int kind, struct FTW *ftw) {
    char tree[PATH_MAX], content[PATH_MAX];
    (void)ftw;
    if (kind != FTW_F || !S_ISREG(info->st_mode)) return 0;
    tree_path(tree, path + root_length);
    content_path(content, info->st_ino);
    if (link(tree, content) != 0 && errno != ENOENT && errno != EEXIST) fail("links", tree);
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("POWERCUT_ROOT");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_writev = dlsym(RTLD_NEXT, "writev");
    real_open = dlsym(RTLD_NEXT, "open");
    if (!text) return;
    snprintf(root, sizeof root, "%s", text);
    root_length = strlen(root);
    if ((text = getenv("POWERCUT_MIRROR"))) snprintf(mirror, sizeof mirror, "%s", text);
    if ((text = getenv("POWERCUT_FORGET"))) snprintf(forget, sizeof forget, "%s", text);
    nftw(root, begin_link, 16, FTW_PHYS);
    if ((text = getenv("POWERCUT_AT"))) atomic_store(&left, atol(text));
}

static int sync_with(int (*real)(int), int fd) {
    char path[PATH_MAX];
    int ours = root_length && below(fd, path) != NULL;
    if (ours) event();
    int result = real(fd);
    if (ours && result == 0) {
        synced(fd);
        event();
    }
    return result;
}

int fsync(int fd) { return sync_with(real_fsync, fd); }
int fdatasync(int fd) { return sync_with(real_fdatasync, fd); }

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    char path[PATH_MAX];
    if (root_length && below(fd, path)) event();
    return real_pwrite(fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) { return pwrite(fd, bytes, count, at); }

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    char path[PATH_MAX];
    if (root_length && below(fd, path)) event();
    return real_writev(fd, pieces, count);
}

int rename(const char *from, const char *to) {
    if (root_length) event();
    return real_rename(from, to);
}

/* A new file may have the inode of one that is gone: its content begins anew. */
static int open_with(const char *path, int flags, mode_t mode) {
    struct stat info;
    char where[PATH_MAX], content[PATH_MAX];
    int fresh = root_length && (flags & O_CREAT) && strncmp(path, root, root_length) == 0 && lstat(path, &info) != 0;
    if (!fresh) return real_open(path, flags, mode);
    event();
    pthread_mutex_lock(&lock);
    int fd = real_open(path, flags, mode);
    if (fd >= 0 && below(fd, where) && fstat(fd, &info) == 0) {
        content_path(content, info.st_ino);
        unlink(content);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_with(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_with(path, flags, mode);
}

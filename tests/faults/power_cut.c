// Writes down what a process does to an SQLite database, below its C library, so that a test can say
// what of it a power cut leaves: preloaded, it appends a record to a log for each write, truncation,
// creation, removal and synchronisation of the database, its journals and its directory.
//
//   POWER_CUT_DATABASE   the database; `-wal` and `-journal` beside it are followed too
//   POWER_CUT_LOG        the log
//   POWER_CUT_SYNC_US    how long a synchronisation takes, in microseconds
//   POWER_CUT_LIE        when set, synchronisations are answered and not done
//   POWER_CUT_DIE_AT     the record, counted from 1, after which the process dies
//   POWER_CUT_DIE_IN_CHECKPOINT   the same, counting writes to the database itself
//
// Nothing is synchronised in truth: the log says what would have been.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, CUT, SYNC, CREATE, REMOVE, SYNC_DIRECTORY };
enum { NOT_OURS = -1, FILES = 3, DIRECTORY = FILES, MOST_FILES = 65536 };

struct record {
    uint32_t kind, file, generation, reserved;
    // Of a write where it begins, of a truncation where it ends; of a synchronisation how many records
    // came before it began.
    uint64_t at;
    uint64_t length;
};

struct open_file {
    int file;
    uint32_t generation;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *const SUFFIXES[FILES] = {"", "-wal", "-journal"};
static char names[FILES][4096], directory[4096];
static struct open_file files[MOST_FILES];
static uint32_t generations[FILES];
static uint64_t records, main_writes, die_at, die_in_checkpoint;
static long sync_us;
static int log_fd = -1, lies;

static void fail(const char *why) {
    fprintf(stderr, "power_cut: %s\n", why);
    abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *database = getenv("POWER_CUT_DATABASE"), *log = getenv("POWER_CUT_LOG");
    const char *us = getenv("POWER_CUT_SYNC_US"), *at = getenv("POWER_CUT_DIE_AT");
    for (int fd = 0; fd < MOST_FILES; fd++) files[fd].file = NOT_OURS;
    if (!database || !log) return;
    for (int file = 0; file < FILES; file++)
        snprintf(names[file], sizeof names[file], "%.4000s%s", database, SUFFIXES[file]);
    snprintf(directory, sizeof directory, "%.4000s", database);
    char *slash = strrchr(directory, '/');
    if (slash) *slash = 0;
    sync_us = us ? atol(us) : 0;
    die_at = at ? strtoull(at, NULL, 10) : 0;
    at = getenv("POWER_CUT_DIE_IN_CHECKPOINT");
    die_in_checkpoint = at ? strtoull(at, NULL, 10) : 0;
    lies = getenv("POWER_CUT_LIE") != NULL;
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) fail("the log cannot be written");
}

// With the lock held.
static void note(enum kind kind, struct open_file to, uint64_t at, const struct iovec *parts, int count,
                 uint64_t length) {
    struct record record = {kind, (uint32_t)to.file, to.generation, 0, at, length};
    struct iovec all[64] = {{&record, sizeof record}};
    uint64_t left = length;
    int used = 1;
    for (int part = 0; part < count && left > 0; part++) {
        if (used == 64) fail("a write has too many parts");
        all[used] = parts[part];
        if (all[used].iov_len > left) all[used].iov_len = left;
        left -= all[used++].iov_len;
    }
    uint64_t whole = sizeof record + (kind == WRITE ? length : 0);
    if (syscall(SYS_writev, log_fd, all, used) != (long)whole) fail("the log is cut short");
    if (kind == WRITE && to.file == 0) main_writes++;
    int dies = kind == WRITE && to.file == 0 && main_writes == die_in_checkpoint;
    if (++records == die_at || dies) kill(getpid(), SIGKILL);
}

static int named(const char *path) {
    if (log_fd < 0 || !path) return NOT_OURS;
    for (int file = 0; file < FILES; file++)
        if (!strcmp(path, names[file])) return file;
    return strcmp(path, directory) ? NOT_OURS : DIRECTORY;
}

static struct open_file of(int fd) {
    struct open_file none = {NOT_OURS, 0};
    return fd >= 0 && fd < MOST_FILES ? files[fd] : none;
}

static int is_file(struct open_file one) { return one.file >= 0 && one.file < FILES; }

static int open_one(int at, const char *path, int flags, mode_t mode) {
    int file = named(path);
    if (file == NOT_OURS) return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = file < FILES && (flags & O_CREAT) && syscall(SYS_faccessat, at, path, F_OK) != 0;
    int fd = (int)syscall(SYS_openat, at, path, flags, mode), error = errno;
    if (fd >= MOST_FILES) fail("too many files are open");
    if (fd >= 0) {
        struct open_file opened = {file, 0};
        if (file < FILES) {
            if (is_new) generations[file]++;
            opened.generation = generations[file];
            if (is_new) note(CREATE, opened, 0, NULL, 0, 0);
            else if (flags & O_TRUNC) note(CUT, opened, 0, NULL, 0, 0);
        }
        files[fd] = opened;
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define OPEN(name, before, at)                                       \
    int name(before const char *path, int flags, ...) {              \
        mode_t mode = 0;                                             \
        if (flags & (O_CREAT | __O_TMPFILE)) {                       \
            va_list more;                                            \
            va_start(more, flags);                                   \
            mode = va_arg(more, mode_t);                             \
            va_end(more);                                            \
        }                                                            \
        return open_one(at, path, flags, mode);                      \
    }
#define COMMA ,
OPEN(open, , AT_FDCWD)
OPEN(open64, , AT_FDCWD)
OPEN(openat, int at COMMA, at)
OPEN(openat64, int at COMMA, at)

int close(int fd) {
    if (of(fd).file != NOT_OURS) {
        pthread_mutex_lock(&lock);
        files[fd].file = NOT_OURS;
        pthread_mutex_unlock(&lock);
    }
    return (int)syscall(SYS_close, fd);
}

// `at` below zero: where the file stands.
static ssize_t write_parts(int fd, const struct iovec *parts, int count, off64_t at) {
    struct open_file to = of(fd);
    if (!is_file(to))
        return at < 0 ? syscall(SYS_writev, fd, parts, count)
                      : syscall(SYS_pwritev, fd, parts, count, (unsigned long)at, 0UL);
    pthread_mutex_lock(&lock);
    off64_t begins = at < 0 ? syscall(SYS_lseek, fd, 0, SEEK_CUR) : at;
    ssize_t done = at < 0 ? syscall(SYS_writev, fd, parts, count)
                          : syscall(SYS_pwritev, fd, parts, count, (unsigned long)at, 0UL);
    int error = errno;
    if (done > 0) note(WRITE, to, (uint64_t)begins, parts, count, (uint64_t)done);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *data, size_t length) {
    if (!is_file(of(fd))) return syscall(SYS_write, fd, data, length);
    struct iovec one = {(void *)data, length};
    return write_parts(fd, &one, 1, -1);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) {
    if (!is_file(of(fd))) return syscall(SYS_pwrite64, fd, data, length, at);
    struct iovec one = {(void *)data, length};
    return write_parts(fd, &one, 1, at);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return pwrite64(fd, data, length, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) { return write_parts(fd, parts, count, -1); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    return write_parts(fd, parts, count, at);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    return write_parts(fd, parts, count, at);
}

int ftruncate64(int fd, off64_t length) {
    struct open_file to = of(fd);
    if (!is_file(to)) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_ftruncate, fd, length), error = errno;
    if (done == 0) note(CUT, to, (uint64_t)length, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int posix_fallocate64(int fd, off64_t at, off64_t length) {
    if (is_file(of(fd))) fail("fallocate is not followed");
    return syscall(SYS_fallocate, fd, 0, at, length) ? errno : 0;
}
int posix_fallocate(int fd, off_t at, off_t length) { return posix_fallocate64(fd, at, length); }

static int sync_one(int fd, long number) {
    struct open_file to = of(fd);
    if (to.file == NOT_OURS) return (int)syscall(number, fd);
    pthread_mutex_lock(&lock);
    uint64_t before = records;
    pthread_mutex_unlock(&lock);
    if (sync_us > 0) usleep((useconds_t)sync_us);
    if (lies) return 0;
    pthread_mutex_lock(&lock);
    note(to.file == DIRECTORY ? SYNC_DIRECTORY : SYNC, to, before, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}
int fsync(int fd) { return sync_one(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_one(fd, SYS_fdatasync); }

static int unlink_one(int at, const char *path, int flags) {
    int file = named(path);
    if (file == NOT_OURS || file == DIRECTORY) return (int)syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_unlinkat, at, path, flags), error = errno;
    struct open_file gone = {file, generations[file]};
    if (done == 0) note(REMOVE, gone, 0, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}
int unlink(const char *path) { return unlink_one(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return unlink_one(at, path, flags); }

int rename(const char *from, const char *to) {
    if (named(from) != NOT_OURS || named(to) != NOT_OURS) fail("a rename is not followed");
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

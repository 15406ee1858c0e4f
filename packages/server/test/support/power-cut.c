// Stands before the C library of a server process (LD_PRELOAD) and keeps beside each data.mdb a file data.mdb.durable: what a disk that loses
// everything which was not flushed would hold. A write reaches it when a flush that began after the write has ended, or at once through a
// descriptor opened with O_DSYNC. A test kills the process and goes on with that file.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_FD = 1024, MAX_DIRTY = 1 << 20 };
struct range { off_t at; size_t length; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char is_data[MAX_FD], is_dsync[MAX_FD];
static struct range *dirty;
static size_t dirty_count;
static int durable = -1, source = -1;

static int opened(int fd, const char *path, int flags) {
  size_t n = strlen(path);
  if (fd < 0 || fd >= MAX_FD) return fd;
  is_data[fd] = n >= 8 && strcmp(path + n - 8, "data.mdb") == 0;
  is_dsync[fd] = is_data[fd] && (flags & O_DSYNC) != 0;
  if (is_data[fd]) {
    pthread_mutex_lock(&lock);
    if (dirty == NULL) dirty = malloc(sizeof *dirty * MAX_DIRTY);
    if (durable < 0) {
      int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
      char name[4096];
      snprintf(name, sizeof name, "%s.durable", path);
      durable = real(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
      source = real(path, O_RDONLY);
      // What was there before this process began is on disk.
      char block[65536];
      ssize_t got;
      for (off_t at = 0; (got = pread(source, block, sizeof block, at)) > 0; at += got) {
        ssize_t (*put)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
        put(durable, block, got, at);
      }
    }
    pthread_mutex_unlock(&lock);
  }
  return fd;
}

static void keep(off_t at, size_t length) {
  ssize_t (*put)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
  char *bytes = malloc(length);
  ssize_t got = pread(source, bytes, length, at);
  if (got > 0) put(durable, bytes, got, at);
  free(bytes);
}

static void wrote(int fd, off_t at, ssize_t length) {
  if (fd < 0 || fd >= MAX_FD || !is_data[fd] || length <= 0) return;
  pthread_mutex_lock(&lock);
  if (is_dsync[fd]) keep(at, length);
  else if (dirty_count < MAX_DIRTY) dirty[dirty_count++] = (struct range){at, length};
  else abort();
  pthread_mutex_unlock(&lock);
}

#define OPEN(name)                                          \
  int name(const char *path, int flags, ...) {              \
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
    va_list rest;                                           \
    va_start(rest, flags);                                  \
    mode_t mode = va_arg(rest, mode_t);                     \
    va_end(rest);                                           \
    return opened(real(path, flags, mode), path, flags);    \
  }
OPEN(open)
OPEN(open64)

#define PWRITE(name)                                                              \
  ssize_t name(int fd, const void *bytes, size_t length, off_t at) {              \
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, #name);  \
    ssize_t done = real(fd, bytes, length, at);                                   \
    wrote(fd, at, done);                                                          \
    return done;                                                                  \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                             \
  ssize_t name(int fd, const struct iovec *parts, int count, off_t at) {          \
    ssize_t (*real)(int, const struct iovec *, int, off_t) = dlsym(RTLD_NEXT, #name); \
    ssize_t done = real(fd, parts, count, at);                                    \
    wrote(fd, at, done);                                                          \
    return done;                                                                  \
  }
PWRITEV(pwritev)
PWRITEV(pwritev64)

ssize_t write(int fd, const void *bytes, size_t length) {
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  off_t at = fd >= 0 && fd < MAX_FD && is_data[fd] ? lseek(fd, 0, SEEK_CUR) : 0;
  ssize_t done = real(fd, bytes, length);
  wrote(fd, at, done);
  return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  ssize_t (*real)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
  off_t at = fd >= 0 && fd < MAX_FD && is_data[fd] ? lseek(fd, 0, SEEK_CUR) : 0;
  ssize_t done = real(fd, parts, count);
  wrote(fd, at, done);
  return done;
}

// A slow disk, so that what is answered too early is seen.
static int flushed(int fd, int (*real)(int)) {
  if (fd < 0 || fd >= MAX_FD || !is_data[fd]) return real(fd);
  pthread_mutex_lock(&lock);
  size_t count = dirty_count;
  struct range *ranges = malloc(sizeof *ranges * (count + 1));
  memcpy(ranges, dirty, sizeof *ranges * count);
  pthread_mutex_unlock(&lock);
  usleep(20000);
  int done = real(fd);
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < count; i++) keep(ranges[i].at, ranges[i].length);
  memmove(dirty, dirty + count, sizeof *dirty * (dirty_count - count));
  dirty_count -= count;
  pthread_mutex_unlock(&lock);
  free(ranges);
  return done;
}

int fdatasync(int fd) { return flushed(fd, dlsym(RTLD_NEXT, "fdatasync")); }
int fsync(int fd) { return flushed(fd, dlsym(RTLD_NEXT, "fsync")); }

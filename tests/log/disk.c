/* Stands between a program and the C library: counts fsync(), lets it fail while the file $FSYNC_FAILS is there, and
   keeps it waiting while the file $FSYNC_WAITS is there. Each successful call appends one byte to the file $FSYNC_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int fsync(int file) {
    static int (*real)(int);
    const char *fails = getenv("FSYNC_FAILS"), *count = getenv("FSYNC_COUNT"), *waits = getenv("FSYNC_WAITS");
    if (fails && access(fails, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int out = count ? open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (out >= 0) {
        ssize_t written = write(out, ".", 1);
        (void)written;
        close(out);
    }
    while (waits && access(waits, F_OK) == 0) usleep(1000);
    return real(file);
}

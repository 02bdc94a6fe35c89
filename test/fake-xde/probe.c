// Does one thing with a (fake) /dev/xde and prints what came of it, one line for each call:
//   probe SCENARIO DEVICE [ARGUMENT...]
// It knows nothing of the preloaded object and repeats the driver's ABI in its own words. A scenario that prints "ready"
// goes on when a line arrives on its standard input.
#include "probe.h"

#include <sys/socket.h>

int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);

const char *device;
char **arguments;

const char *outcome(int rc) { return rc >= 0 ? "ok" : strerrorname_np(errno); }

void ready(void) {
  puts("ready");
  if (getchar() == EOF) exit(3);
}

int open_device(void) {
  int fd = open(device, O_RDWR);
  if (fd < 0) {
    printf("open %s\n", outcome(fd));
    exit(1);
  }
  return fd;
}

static char room[64];
struct command usual(void) {
  return (struct command){.api_version = 41, .cmd = 7, .req_bytes = "hello", .req_len = 5, .resp_bytes = room, .resp_len = 64};
}

void send_command(int fd, struct command *c) {
  int rc = ioctl(fd, REQUEST, c);
  printf("%s flags=%lu actual=%lu\n", outcome(rc), (unsigned long)c->flags, (unsigned long)c->resp_len_actual);
}

void send_usual(int fd) {
  struct command c = usual();
  send_command(fd, &c);
}

static void open_flags(void) {
  int flags = 0;
  for (char **a = arguments; *a; a++) {
    if (!strcmp(*a, "rdwr")) flags |= O_RDWR;
    if (!strcmp(*a, "wronly")) flags |= O_WRONLY;
    if (!strcmp(*a, "nonblock")) flags |= O_NONBLOCK;
    if (!strcmp(*a, "excl")) flags |= O_EXCL;
    if (!strcmp(*a, "cloexec")) flags |= O_CLOEXEC;
    if (!strcmp(*a, "path")) flags |= O_PATH;
    if (!strcmp(*a, "nofollow")) flags |= O_NOFOLLOW;
  }
  int fd = open(device, flags);
  printf("%s", outcome(fd));
  if (fd >= 0) printf(" cloexec=%d", fcntl(fd, F_GETFD) & FD_CLOEXEC);
  putchar('\n');
}

// Absolute by every function, and relative to a directory by those that can.
static void every_open(void) {
  char *directory = strdup(device), *slash = strrchr(directory, '/'), *name = slash + 1;
  *slash = '\0';
  int at = open(directory, O_RDONLY | O_DIRECTORY);
  int fds[] = {open(device, O_RDWR), open64(device, O_RDWR), openat(AT_FDCWD, device, O_RDWR),
               openat64(AT_FDCWD, device, O_RDWR), __open_2(device, O_RDWR), __open64_2(device, O_RDWR),
               __openat_2(at, device, O_RDWR), __openat64_2(at, device, O_RDWR),
               openat(at, name, O_RDWR), chdir(directory) ? -1 : open(name, O_RDWR)};
  if (chdir("/")) exit(3);
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) send_usual(fds[i]);
}

static void numbers(void) {
  int fd = open_device();
  struct command c = usual();
  printf("%s\n", outcome(ioctl(fd, 0xde777700UL, &c)));
  printf("%s\n", outcome(ioctl(fd, 0xde777702UL, &c)));
  printf("%s\n", outcome(ioctl(fd, (unsigned long)(long)(int32_t)REQUEST, &c)));
}

static void duplicates(void) {
  int fd = open_device();
  int copies[] = {dup(fd), dup2(fd, 77), fcntl(fd, F_DUPFD_CLOEXEC, 50)};
  close(fd);
  for (int i = 0; i < 3; i++) send_usual(copies[i]);
}

// Another file under the number of a closed device, closed where no interposed close could see it.
static void reused(void) {
  int fd = open_device();
  send_usual(fd);
  syscall(SYS_close, fd);
  int other = open("/dev/null", O_RDWR);
  puts(other == fd ? "same number" : "another number");
  send_usual(other);
}

// The connection itself is closed behind the object's back, and its number given to a socket of somebody else.
static void swept(void) {
  int fd = dup2(open_device(), 200), left = 0;
  send_usual(fd);
  syscall(SYS_close_range, 3, 199, 0);
  int strangers[8];
  for (int i = 0; i < 8; i += 2) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, strangers + i)) exit(3);
  }
  send_usual(fd);
  for (int i = 0; i < 8; i++) {
    int waiting = -1;
    if (ioctl(strangers[i], FIONREAD, &waiting) == 0 && waiting == 0) left++;
  }
  printf("%d strangers untouched\n", left);
}

static void other_files(void) {
  int ends[2], waiting = 0, null = open("/dev/null", O_RDWR);
  if (pipe(ends) || write(ends[1], "abc", 3) != 3) exit(3);
  printf("%s", outcome(ioctl(ends[0], FIONREAD, &waiting)));
  printf(" %d\n", waiting);
  printf("%s\n", outcome(ioctl(null, FIOCLEX)));
  send_usual(null);
  send_usual(-1);
  printf("%s\n", outcome(open(device, O_RDWR)));
  int made = open("made-by-probe", O_CREAT | O_EXCL | O_RDWR, 0640);
  printf("%s\n", outcome(made));
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } scenarios[] = {{"open", open_flags}, {"every-open", every_open}, {"echo", echo},       {"numbers", numbers},
                   {"pointers", pointers}, {"duplicates", duplicates}, {"reused", reused}, {"swept", swept},
                   {"forked", forked},     {"threads", threads},       {"in-turns", in_turns}, {"other-files", other_files},
                   {"sandboxed", sandboxed}, {"bench", bench}};
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 3) return 3;
  device = argv[2];
  arguments = argv + 3;
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    if (!strcmp(argv[1], scenarios[i].name)) return scenarios[i].run(), 0;
  }
  return 3;
}

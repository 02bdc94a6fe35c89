// Scenarios about the memory that a command points to.
#include "probe.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

// Two pages of which only the first may be touched; the pointer is 8 bytes before the second.
static char *cliff(void) {
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(pages + 4096, 4096, PROT_NONE);
  return pages + 4088;
}

void echo(void) {
  size_t n = strtoul(arguments[0], NULL, 10);
  char *sent = malloc(n + 1), *got = calloc(1, n + 1);
  for (size_t i = 0; i < n; i++) sent[i] = (char)(i * 7 + i / 251);
  struct command c = {.api_version = 41, .cmd = 7, .req_bytes = sent, .req_len = n, .resp_bytes = got, .resp_len = n};
  int fd = open_device();
  send_command(fd, &c);
  puts(memcmp(sent, got, n) == 0 ? "same" : "different");
  send_usual(fd);
}

void pointers(void) {
  int fd = open_device();
  struct command c = usual();
  const char *which = arguments[0];
  if (!strcmp(which, "struct")) {
    printf("%s\n", outcome(ioctl(fd, REQUEST, NULL)));
    printf("%s\n", outcome(ioctl(fd, REQUEST, (void *)8)));
    printf("%s\n", outcome(ioctl(fd, REQUEST, cliff())));
    return;
  }
  if (!strcmp(which, "read-only")) {
    struct command *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = c;
    mprotect(page, 4096, PROT_READ);
    send_command(fd, page);
    return;
  }
  if (!strcmp(which, "request")) c.req_bytes = cliff(), c.req_len = 9;
  if (!strcmp(which, "huge")) c.req_len = (16UL << 20) + 1;
  if (!strcmp(which, "reply")) c.resp_bytes = cliff(), c.resp_len = 64;
  if (!strcmp(which, "tiny")) c.resp_len = 2, c.flags = 4;
  send_command(fd, &c);
  send_usual(fd);
}

// Forbids the calls that copy between processes, as some containers do.
void sandboxed(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) exit(3);
  echo();
  arguments = (char *[]){"struct"};
  pointers();
  arguments = (char *[]){"reply"};
  pointers();
}

/*
 * The other end of the fake device, as short as it can be: every open succeeds, and every command
 * succeeds with a reply of one zero byte. In C and with a thread for each connection, so that it is
 * not the server that is measured. native/fake-xde/protocol.h has the frames.
 *
 *   cc -O2 -Wall -Wextra -pthread -o build/ioctl-echo bench/native/ioctl-echo.c
 *   build/ioctl-echo <socket>
 *
 * Says "ready" when it listens. Ends when its standard input does, so that none is left behind.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { OPEN = 1, COPY_OUT = 1, LARGEST_FRAME = 64 * 1024 };

/* Packed by its order of fields but for the length in front, which goes by itself. */
struct reply {
  int32_t error;
  uint32_t flags;
  uint64_t actual;
};

static int receive(int socket, unsigned char *to, size_t have, size_t need, size_t most) {
  while (have < need) {
    const ssize_t n = recv(socket, to + have, most - have, 0);
    if (n > 0) have += (size_t)n;
    else if (n == 0 || errno != EINTR) return -1;
  }
  return (int)have;
}

static void *serve(void *argument) {
  const int socket = (int)(intptr_t)argument;
  unsigned char *frame = malloc(LARGEST_FRAME);
  while (frame != NULL) {
    uint32_t length, kind;
    /* A connection carries one exchange at a time: what comes is one frame and no more. */
    const int have = receive(socket, frame, 0, sizeof(length) + sizeof(kind), LARGEST_FRAME);
    if (have < 0) break;
    memcpy(&length, frame, sizeof(length));
    memcpy(&kind, frame + sizeof(length), sizeof(kind));
    if (length > LARGEST_FRAME - sizeof(length)) break;
    if (receive(socket, frame, (size_t)have, sizeof(length) + length, LARGEST_FRAME) < 0) break;

    const size_t body = kind == OPEN ? 0 : 1;
    const struct reply reply = {0, kind == OPEN ? 0 : COPY_OUT, body};
    unsigned char answer[sizeof(uint32_t) + sizeof(reply) + 1] = {0};
    const uint32_t answer_length = (uint32_t)(sizeof(reply) + body);
    memcpy(answer, &answer_length, sizeof(answer_length));
    memcpy(answer + sizeof(answer_length), &reply, sizeof(reply));
    const size_t size = sizeof(answer_length) + answer_length;
    if (send(socket, answer, size, MSG_NOSIGNAL) != (ssize_t)size) break;
  }
  free(frame);
  close(socket);
  return NULL;
}

static void *accept_all(void *argument) {
  const int listener = (int)(intptr_t)argument;
  for (;;) {
    const int socket = accept(listener, NULL, NULL);
    if (socket < 0) continue;
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)socket) == 0) pthread_detach(thread);
    else close(socket);
  }
  return NULL;
}

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
    fprintf(stderr, "usage: %s <socket>\n", argv[0]);
    return 2;
  }
  memcpy(address.sun_path, argv[1], strlen(argv[1]) + 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 16) != 0) {
    perror(argv[1]);
    return 1;
  }
  pthread_t thread;
  if (pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)listener) != 0) return 1;
  puts("ready");
  fflush(stdout);
  while (getchar() != EOF) continue;
  unlink(argv[1]);
  return 0;
}

#include "os/peer_credentials.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#if defined(__sun)
#include <ucred.h>
#endif

namespace sledcast::os {

#if defined(__sun)

// getpeerucred(3C) allocates what ucred_free(3C) frees.
int peerCredentials(int fd, PeerCredentials& found) noexcept {
  ucred_t* raw = nullptr;
  if (::getpeerucred(fd, &raw) != 0) return errno;
  const std::unique_ptr<ucred_t, void (*)(ucred_t*)> peer(raw, ::ucred_free);
  const uid_t uid = ::ucred_geteuid(peer.get());
  if (uid == static_cast<uid_t>(-1)) return errno;
  found.uid = static_cast<std::uint32_t>(uid);
  found.pid = static_cast<std::int32_t>(::ucred_getpid(peer.get()));
  return 0;
}

#elif defined(SO_PEERCRED)

int peerCredentials(int fd, PeerCredentials& found) noexcept {
  struct ucred peer = {};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return errno;
  // Any other socket than a Unix one has nobody: Linux says that with a uid of -1.
  if (peer.uid == static_cast<uid_t>(-1)) return ENOTCONN;
  found.uid = static_cast<std::uint32_t>(peer.uid);
  found.pid = static_cast<std::int32_t>(peer.pid);
  return 0;
}

#else

int peerCredentials(int fd, PeerCredentials& found) noexcept {
  uid_t uid = 0;
  gid_t gid = 0;
  if (::getpeereid(fd, &uid, &gid) != 0) return errno;
  found.uid = static_cast<std::uint32_t>(uid);
  found.pid = 0;
  return 0;
}

#endif

}  // namespace sledcast::os

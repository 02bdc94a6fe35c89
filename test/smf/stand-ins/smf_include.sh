# What the start method takes of illumos' /lib/svc/share/smf_include.sh, with the values that smf_method(7) gives.
SMF_EXIT_OK=0
SMF_EXIT_ERR_FATAL=95
SMF_EXIT_ERR_CONFIG=96
SMF_EXIT_ERR_NOSMF=99
SMF_EXIT_ERR_PERM=100

# There it looks for the repository's door; here the test says.
smf_present() {
  [ -z "${STAND_IN_NO_SMF:-}" ]
}

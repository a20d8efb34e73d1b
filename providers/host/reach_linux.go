package host

import (
	"bytes"
	"os"
	"strings"
	"syscall"
)

// seLinux is where the kernel says whether SELinux is enforced, where it runs.
const seLinux = "/sys/fs/selinux/enforce"

// attributes are what stands beside a local file's mode: whether it has an access
// control list, and its SELinux context.
func attributes(path string) (acl bool, label string) {
	value := make([]byte, 256)
	if n, err := syscall.Getxattr(path, "security.selinux", value); err == nil {
		label = string(bytes.TrimRight(value[:n], "\x00"))
	}
	_, err := syscall.Getxattr(path, "system.posix_acl_access", nil)
	return err == nil, label
}

// confinement says whether SELinux is enforced on this machine; where the kernel does
// not tell, as in a container, it says neither.
func confinement() (enforced, permissive bool) {
	text, err := os.ReadFile(seLinux)
	if err != nil {
		return false, false
	}
	enforced = strings.TrimSpace(string(text)) == "1"
	return enforced, !enforced
}

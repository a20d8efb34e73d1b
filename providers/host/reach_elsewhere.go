//go:build !linux

package host

// attributes are unknown here: only Linux labels files so.
func attributes(string) (acl bool, label string) { return false, "" }

// confinement: SELinux is Linux's.
func confinement() (enforced, permissive bool) { return false, false }

//go:build unix

package host

import (
	"io/fs"
	"os/user"
	"strconv"
	"syscall"
)

// ownersOf are the names of a local file's owner and group, or their numbers where
// the system has no names for them.
func ownersOf(info fs.FileInfo) (owner, group string) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", ""
	}
	owner, group = strconv.FormatUint(uint64(stat.Uid), 10), strconv.FormatUint(uint64(stat.Gid), 10)
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return owner, group
}

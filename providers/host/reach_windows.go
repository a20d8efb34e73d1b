package host

import "io/fs"

// ownersOf are unknown here: who may read a file stands in a list of its own, which
// its mode says nothing of.
func ownersOf(fs.FileInfo) (owner, group string) { return "", "" }

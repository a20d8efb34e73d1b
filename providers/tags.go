package providers

// builtWith reports whether this binary was built with a tag. A tag that brings a
// heavy library in stands here and in two files, one for each way it can be.
func builtWith(tag string) bool {
	return map[string]bool{"google": googleBuilt}[tag]
}

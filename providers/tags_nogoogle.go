//go:build !google

package providers

const googleBuilt = false

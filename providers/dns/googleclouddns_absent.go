//go:build !google

package dns

import "errors"

// openGoogleCloudDNS stands where the build tag google was not given: Google's
// libraries add 18 MB to the binary, which most operators would carry for nothing.
func openGoogleCloudDNS(credentials, Options) (Source, error) {
	return nil, errors.New("this belay was built without it; go install -tags google belay/cmd/belay builds one that has it")
}

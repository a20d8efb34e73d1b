package dns

import (
	"fmt"

	"belay/providers/rest"
)

// Providers whose libdns module cannot be held are spoken with by belay's own calls:
// such a module goes through the process's own HTTP client, whatever Options say, and
// waits or repeats as it likes.

// openAPI makes the way to the API at home, or at o.BaseURL, with a token under scheme;
// an empty scheme is for an API whose login is no token. Nobody is asked.
func openAPI(label, home, scheme, token string, o Options) (*rest.API, error) {
	base := o.BaseURL
	if base == "" {
		base = home
	}
	api, err := rest.New(label, base, o.Transport)
	if err != nil || scheme == "" {
		return api, err
	}
	return api, api.Login(scheme, token)
}

// unframed is the error where an answer of a good status is JSON, and lacks what every
// genuine one has, be it empty: then nobody has said that nothing stands.
func unframed(label, lacks string) error {
	return fmt.Errorf("%w: it has no %s; something stands between this machine and %s, or it is out of order; try again later", rest.ErrNotJSON, lacks, label)
}

package dns

import "belay/providers/rest"

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

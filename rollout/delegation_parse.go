package rollout

import (
	"fmt"
	"strings"
)

// ParseDelegation reads to whom the names are delegated: one vendor's id, or
// NAME=TARGET once a name for a vendor that tells its customers targets of their own,
// or none, which ends it. Nothing given is none. vendor knows the vendors whose targets
// need not be told.
func ParseDelegation(given []string, vendor func(id string) (Delegation, bool)) (Delegation, error) {
	var d Delegation
	for _, one := range given {
		name, target, named := strings.Cut(one, "=")
		whole, known := vendor(one)
		switch {
		case one == "none" && len(given) == 1:
		case known && len(given) == 1:
			d = whole
		case known, one == "none":
			return Delegation{}, fmt.Errorf("%s stands alone", one)
		case !named || target == "":
			return Delegation{}, fmt.Errorf("belay knows no targets of a vendor %q; give those it told you as NAME=TARGET", one)
		default:
			at := map[string]*string{"_mta-sts": &d.Record, "_smtp._tls": &d.Reports, "mta-sts": &d.Host}[name]
			if at == nil {
				return Delegation{}, fmt.Errorf("%q is none of the names _mta-sts, _smtp._tls, mta-sts", name)
			}
			*at = target
		}
	}
	if d.On() && d.Vendor == "" {
		d.Vendor = "the vendor"
	}
	return d, nil
}

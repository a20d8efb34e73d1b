package providers

// Vendor keeps policy, record or reports for other people's domains: each of the
// three names is delegated to it by a CNAME.
type Vendor struct {
	// ID is what flags name it by.
	ID    string `json:"id"`
	Label string `json:"label"`
	// Record, Reports and Host are where _mta-sts, _smtp._tls and mta-sts lead, with
	// {domain} in place of the policy domain; empty for a name that the vendor does
	// not take.
	Record  string `json:"record,omitempty"`
	Reports string `json:"reports,omitempty"`
	Host    string `json:"host,omitempty"`
	// About says what is to be known before the names lead there.
	About string `json:"about"`
}

// Vendors are those whose targets are the same for every customer, or follow from
// the domain. Others tell each customer targets of his own.
func Vendors() []Vendor {
	return []Vendor{{
		ID: "valimail", Label: "Valimail",
		Record: "{domain}._mta-sts.vali.email", Reports: "{domain}._smtptlsrpt.vali.email", Host: "policy.mta-vali.email",
		About: "The three aliases stand before the policy is created there, for its certificate depends on them; that may take the TTL, up to an hour.",
	}}
}

// LookupVendor returns the vendor with this id.
func LookupVendor(id string) (Vendor, bool) {
	for _, v := range Vendors() {
		if v.ID == id {
			return v, true
		}
	}
	return Vendor{}, false
}

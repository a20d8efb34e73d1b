package gandi_test

import (
	"context"
	"fmt"
	"time"

	"belay/providers/dns/gandi"
	"belay/providers/lab/vendor"

	"github.com/libdns/libdns"
)

// A new id takes the place of the old one; nothing else at the name is touched. In
// earnest BaseURL stays empty and BearerToken is a personal access token.
func Example() {
	srv := vendor.NewGandi("example.com")
	defer srv.Close()
	p := &gandi.Provider{BearerToken: srv.Token, BaseURL: srv.URL()}

	for _, id := range []string{"1", "2"} {
		_, err := p.SetRecords(context.Background(), "example.com.", []libdns.Record{
			libdns.TXT{Name: "_mta-sts", TTL: 5 * time.Minute, Text: "v=STSv1; id=" + id + ";"},
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	standing, err := p.RecordsAt(context.Background(), "example.com.", "_mta-sts")
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range standing {
		fmt.Println(r.RR().Name, r.RR().TTL, r.RR().Type, r.RR().Data)
	}
	// Output: _mta-sts 5m0s TXT v=STSv1; id=2;
}

package probe

import (
	"sync"

	"github.com/miekg/dns"
)

// NoteSerials asks each address that answered about a name for the serial of the
// zone it answers from, all at once, and notes it in a's sightings: beside a value
// it says whether a server is behind, or ahead with another value.
func (v *View) NoteSerials(a Authority) {
	var all sync.WaitGroup
	for i := range a.Sightings {
		s := &a.Sightings[i]
		if s.Answered {
			all.Go(func() { s.Serial = v.said(s.Where, s.IP, a.Zone, dns.TypeSOA, a.Zone).serial })
		}
	}
	all.Wait()
}

package certs_test

import (
	"testing"

	"belay/providers/host/certs"
	"belay/rollout"
)

func TestARehearsalIsAnsweredByTheServerBesideAndTouchesNothing(t *testing.T) {
	l := newLab(t, labOptions{})
	staging := newLab(t, labOptions{https: l.tls, http: l.http, zone: l.zone})
	storage := certs.Folder(t.TempDir())
	s, j := l.settings(storage)
	i := l.open(s, j) // it alone is met at the policy host
	i.manage(t, host, "mta-sts.broken.test")
	j.await(t, "certificate obtained")
	j.await(t, "certificate obtained")
	first := l.mustShow(host)

	apart := certs.Folder(t.TempDir())
	rs, _ := staging.settings(apart)
	for range 2 { // a rehearsal can be repeated
		r, err := certs.OpenRehearsal(rs, storage)
		if err != nil {
			t.Fatal(err)
		}
		var told []rollout.HostCertificate
		if err := r.Run(t.Context(), []string{host}, func(k rollout.HostCertificate) { told = append(told, k) }); err != nil {
			t.Fatal(err)
		}
		r.Close()
		if len(told) != 1 || told[0].Trouble != nil || !told[0].Exists() {
			t.Errorf("the rehearsal tells %+v", told)
		}
	}
	if staging.orders.Load() != 2 || l.orders.Load() != 2 {
		t.Errorf("%d orders at the staging directory, %d at the CA", staging.orders.Load(), l.orders.Load())
	}
	if serialOf(l.mustShow(host)) != serialOf(first) {
		t.Error("the rehearsal changed what is served")
	}
}

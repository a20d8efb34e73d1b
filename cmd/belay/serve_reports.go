package main

import (
	"context"
	"net/http"

	"belay/providers/inbox"
	"belay/providers/inbox/receiver"
)

// reportReceiver takes the reports that senders post to the policy hosts: those about
// the rollouts of the store, and about no other domain.
func (p *program) reportReceiver(late *lateSession) http.Handler {
	return receiver.New(receiver.Options{
		Log: p.log,
		Importer: func(ctx context.Context) (*inbox.Importer, error) {
			s, err := late.now()
			if err != nil {
				return nil, err
			}
			im, _, err := importer{s: s}.at(ctx, nil)
			return im, err
		},
	})
}

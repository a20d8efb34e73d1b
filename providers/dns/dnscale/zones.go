package dnscale

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// The most that the API tells in one page of each list.
const (
	zonesPage   = 100
	recordsPage = 1000
)

// ErrNoZone says that the key sees no zone of this name.
var ErrNoZone = errors.New("the API key sees no such zone")

// zone is a zone as the API has it.
type zone struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Status is what DNScale says of the zone: "active", or "paused", "pending" or
// "error", in which it answers nobody; "" where it says nothing.
func (p *Provider) Status(ctx context.Context, zone string) (string, error) {
	zones, err := p.list(ctx)
	if err != nil {
		return "", err
	}
	for _, z := range zones {
		if zoneName(z.Name) == zoneName(zone) {
			return plain(z.Status), nil
		}
	}
	return "", fmt.Errorf("%w: %s", ErrNoZone, zoneName(zone))
}

// page is a page of a list. DNScale's documents have two forms of it: its contract
// names the items by what they are and has the numbers apart, its overview calls
// them items and has the numbers beside them.
type page struct {
	Data struct {
		Zones      json.RawMessage `json:"zones"`
		Records    json.RawMessage `json:"records"`
		Items      json.RawMessage `json:"items"`
		Total      int             `json:"total"`
		Pagination struct {
			Total   int   `json:"total"`
			HasMore *bool `json:"has_more"`
		} `json:"pagination"`
	} `json:"data"`
}

// total is how many items the list has; 0 also where the answer does not say.
func (g page) total() int { return max(g.Data.Total, g.Data.Pagination.Total) }

// last reports whether the list ends with this page, of some items, after which
// read of them have been read. Where nothing says so only an empty page does.
func (g page) last(some, read int) bool {
	if more := g.Data.Pagination.HasMore; more != nil {
		return !*more
	}
	return some == 0 || g.total() > 0 && read >= g.total()
}

// items are the page's items, in whichever place they stand.
func (g page) items() json.RawMessage {
	for _, raw := range []json.RawMessage{g.Data.Zones, g.Data.Records, g.Data.Items} {
		if len(raw) > 0 {
			return raw
		}
	}
	return nil
}

// list reads the zones of the account and remembers their ids.
func (p *Provider) list(ctx context.Context) ([]zone, error) {
	zones, err := walk(ctx, p, "/zones", zonesPage, func(zone) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("list the zones: %w", err)
	}
	ids := map[string]string{}
	for _, z := range zones {
		ids[zoneName(z.Name)] = z.ID
	}
	p.mu.Lock()
	p.ids = ids
	p.mu.Unlock()
	return zones, nil
}

// path is the path of the zone's records. Its id is looked up once.
func (p *Provider) path(ctx context.Context, zone string) (string, error) {
	p.mu.Lock()
	id, ok := p.ids[zone]
	p.mu.Unlock()
	if !ok {
		if _, err := p.list(ctx); err != nil {
			return "", err
		}
		p.mu.Lock()
		id, ok = p.ids[zone]
		p.mu.Unlock()
	}
	if !ok || id == "" {
		return "", fmt.Errorf("%w: %s", ErrNoZone, zone)
	}
	return "/zones/" + url.PathEscape(id) + "/records", nil
}

// forget drops the zone's id.
func (p *Provider) forget(zone string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ids, zone)
}

// read reads the zone's records that are wanted. A zone that was made anew has
// another id; so one that is not found is looked up once more.
func (p *Provider) read(ctx context.Context, zone string, wanted func(record) bool) ([]record, error) {
	z := zoneName(zone)
	for again := false; ; again = true {
		path, err := p.path(ctx, z)
		if err != nil {
			return nil, err
		}
		found, err := walk(ctx, p, path, recordsPage, wanted)
		if again || !isStatus(err, http.StatusNotFound) {
			return found, err
		}
		p.forget(z)
	}
}

// errMoved says that a list changed while it was read.
var errMoved = errors.New("the list changed while it was read")

// walk reads a list page by page and keeps what is wanted. Pages are told by how
// many items stand before them; where the list becomes longer or shorter meanwhile
// an item may be missed, and the walk begins anew.
func walk[T any](ctx context.Context, p *Provider, path string, size int, wanted func(T) bool) ([]T, error) {
	for attempt := 1; ; attempt++ {
		found, err := stroll(ctx, p, path, size, wanted)
		if !errors.Is(err, errMoved) || attempt == attempts {
			return found, err
		}
	}
}

func stroll[T any](ctx context.Context, p *Provider, path string, size int, wanted func(T) bool) ([]T, error) {
	var found []T
	total, read := 0, 0
	for n := range mostPages {
		g, some, err := leaf[T](ctx, p, path, read, size)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			total = g.total()
		}
		for _, item := range some {
			if wanted(item) {
				found = append(found, item)
			}
		}
		read += len(some)
		switch {
		case g.total() != total:
			return nil, fmt.Errorf("GET %s: %w", path, errMoved)
		case g.last(len(some), read):
			return found, nil
		case len(some) == 0:
			return nil, fmt.Errorf("GET %s: the list does not end", path)
		}
	}
	return nil, fmt.Errorf("GET %s: the list has more than %d pages", path, mostPages)
}

// leaf reads one page of a list, of at most size items behind the first from, and
// the items in it.
func leaf[T any](ctx context.Context, p *Provider, path string, from, size int) (page, []T, error) {
	var g page
	query := url.Values{"offset": {strconv.Itoa(from)}, "limit": {strconv.Itoa(size)}}
	if err := p.call(ctx, http.MethodGet, path, query, nil, &g); err != nil {
		return page{}, nil, err
	}
	var some []T
	if err := json.Unmarshal(g.items(), &some); err != nil || some == nil {
		return page{}, nil, fmt.Errorf("GET %s: the answer has no list in it", path)
	}
	return g, some, nil
}

// post, put and remove change one record.
func (p *Provider) post(ctx context.Context, zone string, r record) error {
	path, err := p.path(ctx, zone)
	if err != nil {
		return err
	}
	return p.call(ctx, http.MethodPost, path, nil, r.body(), nil)
}

func (p *Provider) put(ctx context.Context, zone, id string, r record) error {
	path, err := p.path(ctx, zone)
	if err != nil {
		return err
	}
	return p.call(ctx, http.MethodPut, path+"/"+url.PathEscape(id), nil, r.body(), nil)
}

// remove deletes a record; one that is gone already counts as deleted for DNScale.
func (p *Provider) remove(ctx context.Context, zone, id string) error {
	path, err := p.path(ctx, zone)
	if err != nil {
		return err
	}
	return p.call(ctx, http.MethodDelete, path+"/"+url.PathEscape(id), nil, nil, nil)
}

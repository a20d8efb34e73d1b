package host

import (
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// Snippet is a piece of configuration that makes a web server serve the policy.
type Snippet struct {
	// Server is "nginx", "Caddy" or "Apache".
	Server string `json:"server"`
	// Text is the configuration, ready to be put in a file of its own.
	Text string `json:"text"`
}

// Snippets are server configurations that serve h's policy of domain as RFC 8461
// section 3.3 asks: at its one name, over HTTPS, as text/plain, with status 200
// and no redirect, and so that no cache in between keeps an old body. Where h
// names no directory, /var/www/mta-sts.DOMAIN stands for it. nginx and Apache are
// shown with certbot's paths; Caddy gets its certificate itself.
func Snippets(domain string, h rollout.HostAccount) []Snippet {
	name := mtasts.PolicyHost(domain)
	dir := h.Place
	if target, err := ParseTarget(h.String()); err == nil {
		dir = target.Dir
	}
	if dir == "" {
		dir = "/var/www/" + name
	}
	fill := strings.NewReplacer("{NAME}", name, "{DIR}", quotePath(dir), "{WELLKNOWN}", quotePath(dir+"/"+wellKnown))
	return []Snippet{
		{Server: "nginx", Text: fill.Replace(nginx)},
		{Server: "Caddy", Text: fill.Replace(caddy)},
		{Server: "Apache", Text: fill.Replace(apache)},
	}
}

// quotePath quotes a path as all three servers read it.
func quotePath(path string) string {
	return fmt.Sprintf(`"%s"`, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path))
}

const nginx = `server {
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {NAME};

    ssl_certificate     /etc/letsencrypt/live/{NAME}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{NAME}/privkey.pem;

    location = /.well-known/mta-sts.txt {
        root {DIR};
        types { }
        default_type text/plain;
        add_header Cache-Control no-cache;
    }
    location / {
        return 404;
    }
}
`

const caddy = `{NAME} {
	root * {DIR}
	handle /.well-known/mta-sts.txt {
		header Content-Type text/plain
		header Cache-Control no-cache
		file_server
	}
	handle {
		respond 404
	}
}
`

const apache = `<VirtualHost *:443>
    ServerName {NAME}
    DocumentRoot {DIR}

    SSLEngine on
    SSLCertificateFile    /etc/letsencrypt/live/{NAME}/fullchain.pem
    SSLCertificateKeyFile /etc/letsencrypt/live/{NAME}/privkey.pem

    <Directory {WELLKNOWN}>
        AllowOverride None
        Require all granted
    </Directory>
    <Location "/.well-known/mta-sts.txt">
        ForceType text/plain
        Header set Cache-Control no-cache
    </Location>
</VirtualHost>
`

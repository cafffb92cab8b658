package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/errgroup"
)

// exchanges makes what a refresh can't do without, for so many grants: a write, a request on a connection of its own, whose
// TLS session is resumed, and another write.
func exchanges() *framework.Path {
	sessions := tls.NewLRUClientSessionCache(0)
	var made atomic.Int64
	return &framework.Path{
		Pattern: "exchanges",
		Fields: map[string]*framework.FieldSchema{
			"url": {Type: framework.TypeString}, "authority": {Type: framework.TypeString},
			"count": {Type: framework.TypeInt}, "abreast": {Type: framework.TypeInt},
		},
		Operations: map[logical.Operation]framework.OperationHandler{logical.UpdateOperation: &framework.PathOperation{
			Callback: func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
				roots := x509.NewCertPool()
				roots.AppendCertsFromPEM([]byte(d.Get("authority").(string)))
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, ClientSessionCache: sessions}}}
				var all errgroup.Group
				all.SetLimit(d.Get("abreast").(int))
				for range d.Get("count").(int) {
					all.Go(func() error { return exchange(ctx, req.Storage, client, d.Get("url").(string), made.Add(1)) })
				}
				return nil, all.Wait()
			},
		}},
	}
}

func exchange(ctx context.Context, s logical.Storage, client *http.Client, endpoint string, n int64) error {
	state := &logical.StorageEntry{Key: fmt.Sprint("state/", n), Value: make([]byte, 800)}
	if err := s.Put(ctx, state); err != nil {
		return err
	}
	resp, err := client.PostForm(endpoint, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"refresh"}, "client_id": {"bench"}, "client_secret": {"secret of bench"},
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close(), s.Put(ctx, state))
}

// names lists what the engine has of roles, and answers with a page of names.
func names() *framework.Path {
	return &framework.Path{
		Pattern: "names/?",
		Fields:  map[string]*framework.FieldSchema{"after": {Type: framework.TypeString}, "limit": {Type: framework.TypeString}},
		Operations: map[logical.Operation]framework.OperationHandler{logical.ListOperation: &framework.PathOperation{
			Callback: func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
				all, err := req.Storage.List(ctx, "role/")
				if err != nil {
					return nil, err
				}
				limit, err := strconv.Atoi(d.Get("limit").(string))
				first, _ := slices.BinarySearch(all, d.Get("after").(string)+"\x00")
				return logical.ListResponse(all[first:min(first+limit, len(all))]), err
			},
		}},
	}
}

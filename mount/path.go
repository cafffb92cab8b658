package mount

import (
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// OperationPrefix begins every OpenAPI operation id of this engine.
const OperationPrefix = "oauth-refresh"

// Display names what a path is about, for the OpenAPI operation ids: a client generated from the
// document has one function for each.
func Display(suffix string) *framework.DisplayAttributes {
	return &framework.DisplayAttributes{OperationPrefix: OperationPrefix, OperationSuffix: suffix}
}

// Writing is an operation that must run where storage can be written: on any other node it would
// be done there in part and then again on the active one. The verb is that of the operation id, ""
// for the operation's own.
func Writing(f framework.OperationFunc, verb, summary string) *framework.PathOperation {
	return &framework.PathOperation{
		Callback: f, Summary: summary, DisplayAttrs: &framework.DisplayAttributes{OperationVerb: verb},
		ForwardPerformanceStandby: true, ForwardPerformanceSecondary: true,
	}
}

// InlineSchemas puts the schemas of an OpenAPI document where they are used. The framework refers
// to them by $ref, and Vault drops that on its way from an external plugin, and with it the
// description of every field.
func InlineSchemas(resp *logical.Response) {
	if resp == nil {
		return
	}
	doc, ok := resp.Data["openapi"].(*framework.OASDocument)
	if !ok {
		return
	}
	for _, path := range doc.Paths {
		for _, op := range []*framework.OASOperation{path.Get, path.Post, path.Patch, path.Delete} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			for _, media := range op.RequestBody.Content {
				inlineSchema(media, doc.Components.Schemas)
			}
		}
	}
}

func inlineSchema(media *framework.OASMediaTypeObject, schemas map[string]*framework.OASSchema) {
	const prefix = "#/components/schemas/"
	if media.Schema == nil || len(media.Schema.Ref) < len(prefix) {
		return
	}
	if schema := schemas[media.Schema.Ref[len(prefix):]]; schema != nil {
		media.Schema = schema
	}
}

package main

// isabelAccounts is the one resource of Isabel Connect's API that is there: GET /isabel-connect/accounts, as
// Ibanity documents it.
func isabelAccounts() map[string]any {
	return map[string]any{
		"data": []any{map[string]any{
			"type": "account",
			"id":   "93ecb1fdbfb7848e7b7896c0f2d207aed3d8b4c1",
			"attributes": map[string]any{
				"country": "BE", "currency": "EUR", "description": "current account", "holderName": "Sandbox NV",
				"reference": "BE68539007547034", "referenceType": "IBAN",
			},
		}},
		"meta": map[string]any{"paging": map[string]any{"offset": 0, "total": 1}},
	}
}

resource "aws_dynamodb_table" "this" {
  for_each = var.tables

  name         = "${var.name_prefix}-${each.key}"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = each.value.hash_key
  range_key    = each.value.range_key

  attribute {
    name = each.value.hash_key
    type = each.value.hash_type
  }

  dynamic "attribute" {
    for_each = each.value.range_key[*]

    content {
      name = attribute.value
      type = each.value.range_type
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }

  # Expiry starts only after the copied items were verified, so the copy switches it on, not this root.
  lifecycle {
    ignore_changes = [ttl]
  }
}

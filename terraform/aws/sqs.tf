resource "aws_sqs_queue" "dead_letter" {
  for_each = local.dead_letter_queues

  name                      = "${var.name_prefix}-${each.key}-dlq"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "this" {
  for_each = var.queues

  name                       = "${var.name_prefix}-${each.key}"
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = each.value.visibility_seconds
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = each.value.dead_letter ? jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = each.value.max_receives
  }) : null
}

data "aws_iam_policy_document" "queue_tls" {
  for_each = var.enforce_tls_policy ? local.all_queues : {}

  statement {
    sid       = "RefusePlainHttp"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "tls" {
  for_each = var.enforce_tls_policy ? local.all_queues : {}

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.queue_tls[each.key].json
}

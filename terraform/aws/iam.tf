data "aws_iam_policy_document" "vm_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "vm" {
  name               = "${var.name_prefix}-vm"
  description        = "What the WKMS application may do on AWS"
  assume_role_policy = data.aws_iam_policy_document.vm_trust.json
}

resource "aws_iam_instance_profile" "vm" {
  name = "${var.name_prefix}-vm"
  role = aws_iam_role.vm.name
}

resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.vm.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

data "aws_iam_policy_document" "vm" {
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [for bucket in aws_s3_bucket.this : bucket.arn]
  }

  statement {
    sid       = "UseObjects"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectTagging", "s3:PutObjectTagging", "s3:AbortMultipartUpload"]
    resources = [for bucket in aws_s3_bucket.this : "${bucket.arn}/*"]
  }

  statement {
    sid = "UseTables"
    actions = [
      "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable",
      "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
    ]
    resources = [for table in aws_dynamodb_table.this : table.arn]
  }

  statement {
    sid = "UseQueues"
    actions = [
      "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage",
    ]
    resources = [for queue in local.all_queues : queue.arn]
  }

  statement {
    sid       = "ReadDatabasePassword"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = aws_db_instance.this.master_user_secret[*].secret_arn
  }
}

resource "aws_iam_role_policy" "vm" {
  name   = "application"
  role   = aws_iam_role.vm.id
  policy = data.aws_iam_policy_document.vm.json
}

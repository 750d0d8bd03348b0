provider "aws" {
  region            = var.region
  max_retries       = var.api_max_retries
  s3_use_path_style = var.endpoint_url != null

  # One address for every service this root calls: a private gateway or an emulator.
  dynamic "endpoints" {
    for_each = var.endpoint_url[*]

    content {
      dynamodb       = endpoints.value
      ec2            = endpoints.value
      iam            = endpoints.value
      kms            = endpoints.value
      rds            = endpoints.value
      s3             = endpoints.value
      secretsmanager = endpoints.value
      sqs            = endpoints.value
      ssm            = endpoints.value
      sts            = endpoints.value
    }
  }

  default_tags {
    tags = local.tags
  }
}

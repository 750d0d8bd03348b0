# Values that the provider checks for shape, where a random string would be refused.

mock_data "aws_availability_zones" {
  defaults = {
    names = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]
  }
}

mock_data "aws_iam_policy_document" {
  defaults = {
    json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  }
}

mock_data "aws_ami" {
  defaults = {
    id = "ami-0123456789abcdef0"
  }
}

mock_resource "aws_db_instance" {
  defaults = {
    address            = "wkms.example.ap-northeast-2.rds.amazonaws.com"
    port               = 3306
    master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:rds-db" }]
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn = "arn:aws:dynamodb:ap-northeast-2:123456789012:table/mock"
  }
}

mock_resource "aws_s3_bucket" {
  defaults = {
    arn = "arn:aws:s3:::mock"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:ap-northeast-2:123456789012:mock"
    url = "https://sqs.ap-northeast-2.amazonaws.com/123456789012/mock"
  }
}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  tags = merge({
    Project     = "wkms"
    Environment = var.environment
    ManagedBy   = "terraform"
  }, var.tags)

  # Load balancers and RDS subnet groups both need two zones.
  zones = slice(data.aws_availability_zones.available.names, 0, 2)

  # /24 networks of the VPC: 0-1 public, 4-5 app, 8-9 data; the gaps leave room for a third and fourth zone.
  subnet_bits = 24 - tonumber(split("/", var.vpc_cidr)[1])
  subnets = merge([
    for tier, offset in { public = 0, app = 4, data = 8 } : {
      for index, zone in local.zones : "${tier}-${index}" => {
        tier = tier
        zone = zone
        cidr = cidrsubnet(var.vpc_cidr, local.subnet_bits, offset + index)
      }
    }
  ]...)

  all_queues = merge(
    aws_sqs_queue.this,
    { for name, queue in aws_sqs_queue.dead_letter : "${name}-dlq" => queue },
  )
  dead_letter_queues = { for name, queue in var.queues : name => queue if queue.dead_letter }
}

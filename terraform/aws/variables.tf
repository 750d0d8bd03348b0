# --- Where, and under which name -------------------------------------------------------------

variable "name_prefix" {
  description = "First part of every name in the account, such as wkms-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name_prefix))
    error_message = "Use 3 to 26 lower-case letters, digits and hyphens, starting with a letter: S3, RDS and IAM all have to accept it."
  }
}

variable "environment" {
  description = "Environment the resources belong to; becomes a tag."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "ap-northeast-2"
}

variable "tags" {
  description = "Tags added to every resource."
  type        = map(string)
  default     = {}
}

variable "endpoint_url" {
  description = "Address that answers for every AWS service in place of AWS itself; null calls AWS."
  type        = string
  default     = null
}

variable "api_max_retries" {
  description = "How often the provider repeats a throttled or failed API call."
  type        = number
  default     = 25
}

# --- Network ---------------------------------------------------------------------------------

variable "vpc_cidr" {
  description = "Address range of the VPC; cut into /24 subnets, so /20 or wider."
  type        = string
  default     = "10.1.0.0/20"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]), 32) <= 20
    error_message = "Give an IPv4 range of /20 or wider, such as 10.1.0.0/20."
  }
}

variable "vm_public" {
  description = "true: virtual machines stand in the public subnets with fixed public addresses. false: in the app subnets behind a NAT gateway, reached through Session Manager."
  type        = bool
  default     = true
}

variable "web_cidrs" {
  description = "IPv4 ranges that may reach ports 80 and 443."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "admin_cidrs" {
  description = "IPv4 ranges that may reach SSH. Empty leaves Session Manager as the only way in."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.admin_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 16])
    error_message = "SSH is never opened to the world: give IPv4 ranges of /16 or narrower."
  }
}

# --- Virtual machines ------------------------------------------------------------------------

variable "vm_count" {
  description = "Number of virtual machines that run the WKMS stack."
  type        = number
  default     = 1

  validation {
    condition     = var.vm_count >= 1 && var.vm_count <= 9
    error_message = "Between 1 and 9 machines."
  }
}

variable "vm_type" {
  description = "Instance type. The whole stack needs about 4.5 GiB, so 8 GiB is the smallest that holds it."
  type        = string
  default     = "t3.large"
}

variable "ami_id" {
  description = "Machine image; null looks up the newest Ubuntu 24.04 LTS of Canonical."
  type        = string
  default     = null
}

variable "vm_public_key" {
  description = "OpenSSH public key installed for the default user; null installs none."
  type        = string
  default     = null
}

variable "vm_root_gib" {
  description = "Size of the root volume in GiB."
  type        = number
  default     = 30
}

variable "vm_data_gib" {
  description = "Size of the data volume in GiB."
  type        = number
  default     = 100
}

variable "vm_detailed_monitoring" {
  description = "One-minute instance metrics instead of five-minute ones."
  type        = bool
  default     = true
}

# --- Database --------------------------------------------------------------------------------

variable "database" {
  description = "RDS MySQL: version, size and protection. storage_gib grows by itself up to storage_max_gib."
  type = object({
    name                 = optional(string, "wkms")
    username             = optional(string, "wkmsadmin")
    engine_version       = optional(string, "8.4")
    instance_class       = optional(string, "db.t4g.medium")
    storage_gib          = optional(number, 50)
    storage_max_gib      = optional(number, 200)
    multi_az             = optional(bool, false)
    backup_days          = optional(number, 7)
    deletion_protection  = optional(bool, true)
    performance_insights = optional(bool, false)
  })
  default = {}

  validation {
    condition     = can(regex("^8\\.4(\\.[0-9]+)?$", var.database.engine_version))
    error_message = "The parameter group is written for MySQL 8.4, such as 8.4 or 8.4.6."
  }

  validation {
    condition     = var.database.backup_days >= 1
    error_message = "Keep automated backups for at least one day: they also switch the binary log on."
  }
}

# --- Storage, tables, queues -----------------------------------------------------------------

variable "buckets" {
  description = "S3 buckets, each becomes <name_prefix>-<name>."
  type        = set(string)
  default     = ["documents", "attachments"]
}

variable "bucket_lifecycle" {
  description = "Expire old object versions and unfinished multipart uploads."
  type        = bool
  default     = true
}

variable "enforce_tls_policy" {
  description = "Refuse requests to buckets and queues that do not come over TLS."
  type        = bool
  default     = true
}

variable "tables" {
  description = "DynamoDB tables, each becomes <name_prefix>-<name>. Keys follow the Cosmos DB containers they receive; types are S, N or B."
  type = map(object({
    hash_key   = string
    hash_type  = optional(string, "S")
    range_key  = optional(string)
    range_type = optional(string, "S")
  }))
  default = {
    documents = { hash_key = "departmentId", range_key = "id" }
    chat      = { hash_key = "pk", range_key = "sk" }
    settings  = { hash_key = "id" }
  }
}

variable "queues" {
  description = "SQS queues, each becomes <name_prefix>-<name>. dead_letter adds <name_prefix>-<name>-dlq and moves a message there after max_receives tries."
  type = map(object({
    dead_letter        = optional(bool, false)
    max_receives       = optional(number, 5)
    visibility_seconds = optional(number, 300)
  }))
  default = {
    document-indexing = {}
    notifications     = { dead_letter = true }
  }
}

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name_prefix = "wkms-test"
  environment = "test"
}

run "nothing_but_the_web_is_open_to_the_world" {
  command = plan

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.web : contains([80, 443], rule.from_port) && rule.from_port == rule.to_port])
    error_message = "A world-open rule for a port other than 80 and 443."
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "SSH is open without anyone having asked for it."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.database.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.database.from_port == 3306
    error_message = "The database is reachable by address instead of from the machines only."
  }
  assert {
    condition     = !aws_db_instance.this.publicly_accessible
    error_message = "The database has a public address."
  }
}

run "data_is_encrypted_kept_and_hard_to_lose" {
  command = plan

  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.deletion_protection && aws_db_instance.this.backup_retention_period >= 7 && !aws_db_instance.this.skip_final_snapshot
    error_message = "The database is not protected."
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password == true
    error_message = "The password of the database would be in the state."
  }
  assert {
    condition     = alltrue([for bucket in aws_s3_bucket_public_access_block.this : bucket.block_public_acls && bucket.block_public_policy && bucket.ignore_public_acls && bucket.restrict_public_buckets])
    error_message = "A bucket may be made public."
  }
  assert {
    condition     = alltrue([for bucket in aws_s3_bucket_versioning.this : bucket.versioning_configuration[0].status == "Enabled"]) && keys(aws_s3_bucket_versioning.this) == ["attachments", "documents"]
    error_message = "A bucket keeps no versions."
  }
  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].enabled && table.server_side_encryption[0].enabled])
    error_message = "A table is not protected."
  }
  assert {
    condition     = keys(aws_s3_bucket_policy.tls) == ["attachments", "documents"] && length(aws_sqs_queue_policy.tls) == 3
    error_message = "A bucket or queue takes requests without TLS."
  }
}

run "machines_hold_the_stack_and_guard_their_credentials" {
  command = plan

  assert {
    condition     = aws_instance.vm[0].instance_type == "t3.large" && aws_instance.vm[0].metadata_options[0].http_tokens == "required" && aws_instance.vm[0].metadata_options[0].http_put_response_hop_limit == 2
    error_message = "IMDSv2 with two hops is required."
  }
  assert {
    condition     = aws_instance.vm[0].root_block_device[0].encrypted && aws_ebs_volume.data[0].encrypted
    error_message = "A disk is not encrypted."
  }
}

run "mysql_is_set_before_the_instance_is_made" {
  command = plan

  assert {
    condition = {
      for parameter in aws_db_parameter_group.this.parameter : parameter.name => parameter.value
      } == {
      character_set_server            = "utf8mb4"
      collation_server                = "utf8mb4_0900_ai_ci"
      local_infile                    = "1"
      log_bin_trust_function_creators = "1"
      lower_case_table_names          = "1"
      max_allowed_packet              = "1073741824"
      require_secure_transport        = "1"
    }
    error_message = "The parameter group differs from what the copy relies on."
  }
}

run "tables_have_the_keys_that_the_configuration_asks_for" {
  command = plan

  variables {
    tables = {
      chat     = { hash_key = "pk", range_key = "sk" }
      settings = { hash_key = "id", hash_type = "N" }
    }
  }

  assert {
    condition     = aws_dynamodb_table.this["chat"].hash_key == "pk" && aws_dynamodb_table.this["chat"].range_key == "sk" && length(aws_dynamodb_table.this["chat"].attribute) == 2
    error_message = "chat should have a hash and a range key."
  }
  assert {
    condition     = aws_dynamodb_table.this["settings"].range_key == null && one(aws_dynamodb_table.this["settings"].attribute).type == "N"
    error_message = "settings should have a numeric hash key only."
  }
}

run "subnets_are_in_two_zones_and_do_not_overlap" {
  command = plan

  assert {
    condition     = length(distinct([for subnet in aws_subnet.this : subnet.cidr_block])) == 6 && length(distinct([for name, subnet in aws_subnet.this : subnet.availability_zone if startswith(name, "data")])) == 2
    error_message = "Six subnets, the data ones in two zones."
  }
}

run "private_machines_stand_behind_nat" {
  command = plan

  variables {
    vm_public = false
    vm_count  = 2
  }

  assert {
    condition     = length(aws_eip.vm) == 0 && length(aws_nat_gateway.this) == 1 && length(aws_instance.vm) == 2
    error_message = "Two machines without public addresses behind one NAT gateway."
  }
}

run "the_output_has_what_later_phases_read" {
  command = apply

  variables {
    vm_count = 2
  }

  assert {
    condition     = [for host in output.wkms.vm_hosts : host.name] == ["wkms-test-vm-0", "wkms-test-vm-1"] && alltrue([for host in output.wkms.vm_hosts : host.public_ip != null])
    error_message = "Two named hosts with public addresses."
  }
  assert {
    condition     = output.wkms.tables == { chat = "wkms-test-chat", documents = "wkms-test-documents", settings = "wkms-test-settings" }
    error_message = "Tables by key."
  }
  assert {
    condition     = keys(output.wkms.queues) == ["document-indexing", "notifications", "notifications-dlq"] && keys(output.wkms.buckets) == ["attachments", "documents"]
    error_message = "Queues and buckets by name."
  }
  assert {
    condition     = output.wkms.schema_version == 1 && output.wkms.database.port == 3306 && output.wkms.database.username == "wkmsadmin"
    error_message = "How to reach the database."
  }
}

run "what_cannot_work_is_refused" {
  command = plan

  variables {
    name_prefix = "WKMS_"
    vpc_cidr    = "10.1.0.0/24"
    admin_cidrs = ["0.0.0.0/0"]
    database    = { engine_version = "5.7" }
  }

  expect_failures = [var.name_prefix, var.vpc_cidr, var.admin_cidrs, var.database]
}

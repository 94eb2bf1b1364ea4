# An event of an application becomes an incident: a rule that sends to the records queue of servicenow-functions.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "stack_name" {
  description = "The CloudFormation stack of servicenow-functions"
  type        = string
  default     = "servicenow-functions-dev"
}

data "aws_cloudformation_stack" "servicenow" {
  name = var.stack_name
}

data "aws_sqs_queue" "records" {
  name = reverse(split("/", data.aws_cloudformation_stack.servicenow.outputs["RecordsQueueUrl"]))[0]
}

resource "aws_cloudwatch_event_rule" "order_failed" {
  name = "order-failed-to-servicenow"
  event_pattern = jsonencode({
    source      = ["com.example.orders"]
    detail-type = ["Order Failed"]
  })
}

resource "aws_cloudwatch_event_target" "records" {
  rule = aws_cloudwatch_event_rule.order_failed.name
  arn  = data.aws_sqs_queue.records.arn

  input_transformer {
    input_paths = {
      id     = "$.id"
      order  = "$.detail.order"
      reason = "$.detail.reason"
    }
    input_template = <<-EOT
      {
        "action": "create",
        "table": "incident",
        "key": "<id>",
        "record": {
          "short_description": "Order <order> failed",
          "description": "<reason>",
          "urgency": "2"
        }
      }
    EOT
  }
}

# For a function or task of yours that sends messages itself: attach this policy to its role.
data "aws_iam_policy_document" "send" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [data.aws_sqs_queue.records.arn]
  }
}

resource "aws_iam_policy" "send" {
  name   = "send-to-servicenow"
  policy = data.aws_iam_policy_document.send.json
}

output "rule_arn" {
  description = "Goes into the param eventSenders of servicenow-functions: only then may the rule send"
  value       = aws_cloudwatch_event_rule.order_failed.arn
}

output "records_queue_url" {
  description = "Where a sender of yours sends messages"
  value       = data.aws_cloudformation_stack.servicenow.outputs["RecordsQueueUrl"]
}

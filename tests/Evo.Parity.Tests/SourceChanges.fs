/// Lines of the runtime, each in another way that is wrong.
module Evo.Parity.Tests.SourceChanges

/// One line in another way.
type Change =
    {
        File: string
        Old: string
        New: string
    }

let change file old' new' = { File = file; Old = old'; New = new' }

let changes =
    [
        // A step.
        "gradients are not set to zero", change "Runtime/RankModel.Step.cs" "Optimizer.ZeroGradient();" ""
        "a rank divides by its own labels",
        change
            "Runtime/RankModel.Step.cs"
            "runner.Run(batch, Divisor(batches),"
            "runner.Run(batch, tensor((double)own.Targets),"
        "the loss is told by own labels",
        change
            "Runtime/RankModel.Step.cs"
            "RuntimeSites.Loss), batches, tally.Types"
            "RuntimeSites.Loss), tensor(own.Numbers, [1, BatchFigures.Count]), tally.Types"
        "the labels of the first replica stand for all",
        change
            "Runtime/GradientFigures.cs"
            "BatchFigures.Of).Aggregate((a, b) => a + b)"
            "BatchFigures.Of).Aggregate((a, b) => a)"
        "the tied gradient is missed", change "Runtime/RankModel.Step.cs" "        SumTied();" ""
        "the tied gradient is an average",
        change
            "Runtime/RankModel.Step.cs"
            "ends.AllReduce(own, ReduceOperation.Sum,"
            "ends.AllReduce(own, ReduceOperation.Average,"
        "gradients are not reduced at the end", change "Runtime/RankModel.Step.cs" "Optimizer.Finish();" ""
        "gradients are clipped twice",
        change
            "Runtime/RankModel.Step.cs"
            "Optimizer.Update(rates, update, factor);"
            "Optimizer.Update(rates, update, factor * factor);"
        "gradients are not clipped",
        change
            "Runtime/RankModel.Step.cs"
            "Optimizer.Update(rates, update, factor);"
            "Optimizer.Update(rates, update, null);"
        "updates are counted from two",
        change
            "Runtime/RankModel.Step.cs"
            "Optimizer.Update(rates, update, factor);"
            "Optimizer.Update(rates, update + 1, factor);"
        "every backward pass is taken for the last",
        change
            "Runtime/RankModel.Step.cs"
            "(_, last) => Optimizer.LastBackward = last"
            "(_, last) => Optimizer.LastBackward = true"
        "every rank of a tensor group tells the loss",
        change "Runtime/RankModel.Step.cs" "Groups.Tensor.Rank == 0 ? sums : zeros_like(sums)" "sums"
        "every rank of a tensor group tells the routers' loss",
        change
            "Runtime/RankModel.Step.cs"
            "Groups.Tensor.Rank == 0 && Groups.Data.Rank == 0 ? tally.Routers"
            "Groups.Data.Rank == 0 ? tally.Routers"
        "every replica tells the routers' loss",
        change
            "Runtime/RankModel.Step.cs"
            "Groups.Tensor.Rank == 0 && Groups.Data.Rank == 0 ? tally.Routers"
            "Groups.Tensor.Rank == 0 ? tally.Routers"
        // What a rank is made of.
        "a rank knows its own norm",
        change "Runtime/RankModel.cs" "own => SumOverWorld(own, RuntimeSites.Norm)" "own => own"
        "replicas of tensor ranks all count",
        change "Runtime/RankPlan.cs" "(ClassOf(info, ranks) != ReductionClass.Data || " "(true || "
        "what tensor ranks share does not count",
        change "Runtime/RankPlan.cs" " || ParameterLayout.CutsOf(info, ranks).Count > 0)" ")"
        "a tied table counts twice",
        change
            "Runtime/RankPlan.cs"
            "&& (info.Name != tied || ends is null || stages.Any(stage => stage.First == 0))"
            ""
        "a tied table does not wait for the other stage",
        change
            "Runtime/RankPlan.cs"
            "WaitsForStage = info.Name == tied && ends is not null"
            "WaitsForStage = false"
        "weights of the weight axis are summed over data ranks",
        change
            "Runtime/RankPlan.cs"
            "GradientSumAxis.WeightData => ReductionClass.WeightData"
            "GradientSumAxis.WeightData => ReductionClass.Data"
        "experts are summed over data ranks",
        change
            "Runtime/RankPlan.cs"
            "GradientSumAxis.ExpertData => ReductionClass.ExpertData"
            "GradientSumAxis.ExpertData => ReductionClass.Data"
        "what the other end of a tied table found on the same rank is missed",
        change
            "Runtime/RankModel.Step.cs"
            "copies.ForEach(copy => Optimizer.AddToGradient(tied!, copy.Sum));"
            ""
        "the other end of a tied table on the same rank goes on from the last step",
        change "Runtime/RankModel.Step.cs" "copies.ForEach(copy => copy.Zero());" ""
        "everything decays", change "Runtime/RankPlan.cs" "Options.DecayAll || info.Decays" "true"
        "replicas of an expert's share are all data ranks",
        change
            "Runtime/RankModel.cs"
            "[ReductionClass.ExpertData] = Groups.Reduction(MeshAxis.ExpertData)"
            "[ReductionClass.ExpertData] = Groups.Reduction(MeshAxis.Data)"
        // The loss.
        "a mean over micro-batches of what is summed",
        change
            "Runtime/LossShare.cs"
            "loss.lossSum / targets.to_type(loss.lossSum.dtype);"
            "loss.lossSum / targets.to_type(loss.lossSum.dtype) / (double)microBatches;"
        "the routers' losses are summed", change "Runtime/LossShare.cs" " / (double)microBatches;" ";"
        "the routers' loss is not told",
        change "Runtime/LossShare.cs" "            Tally.AddRouters(added);\n" ""
        "the z-loss is told as a part of the loss",
        change "Runtime/LossTally.cs" "sum.detach().to_type(float64) - z" "sum.detach().to_type(float64)"
        "the z-loss is not told",
        change "Runtime/LossTally.cs" "right.to_type(float64), z]" "right.to_type(float64), 0 * z]"
        "recorded or not, a row has no z-loss",
        change
            "Runtime/LossShare.cs"
            "model.Loss(row.Ids, row.Labels, row.At, LabelSmoothing, ZLoss)"
            "model.Loss(row.Ids, row.Labels, row.At, LabelSmoothing)"
        "the last stage has no z-loss",
        change
            "Runtime/PipelineRunner.cs"
            "row.Labels, share.LabelSmoothing, share.ZLoss)"
            "row.Labels, share.LabelSmoothing)"
        "the last stage does not smooth",
        change
            "Runtime/PipelineRunner.cs"
            "row.Labels, share.LabelSmoothing, share.ZLoss)"
            "row.Labels, 0, share.ZLoss)"
        "the loss is that of the last micro-batch",
        change "Runtime/LossTally.cs" "kept.add_(value)" "kept.copy_(value)"
        // A schedule is run.
        "the last but one pass is taken for the last",
        change "Runtime/PipelineRunner.cs" "left[chunk] == 1" "left[chunk] == 2"
        "products that were put off are forgotten",
        change "Runtime/PipelineRunner.cs" "pass.Weights?.Invoke();" ""
        "routers begin anew in each stage",
        change "Runtime/PipelineRunner.cs" "module.Routers(pass.Input?.Statistics)" "module.Routers(null)"
        "statistics have no gradient",
        change
            "Runtime/StagePass.cs"
            "Output.Statistics is { requires_grad: true } statistics"
            "Output.Statistics is { requires_grad: true } statistics && Output.X.numel() < 0"
        "the gradient of statistics is not sent",
        change
            "Runtime/StagePass.cs"
            "statistics.grad ?? zeros_like(statistics) : null"
            "zeros_like(statistics) : null"
        // Groups.
        "replicas of a share are all ranks of the axis",
        change
            "Runtime/RankGroups.cs"
            "Topology.ZeroReplicaGroupOf(parent, Rank)"
            "Topology.GroupOf(parent, Rank)"
        "a share has no replicas",
        change "Runtime/RankGroups.cs" "Topology.ZeroReplicaGroupOf(parent, Rank)" "[Rank]"
        "replicas of a fully sharded share are those of ZeRO",
        change "Runtime/RankGroups.cs" "Topology.FsdpReplicaGroupOf(parent, Rank)" "[Rank]"
        // The optimizer.
        "elements count that are not to", change "Optimizer/ClassShard.cs" "run.Counts && Groups" "Groups"
        "every replica of a share counts", change "Optimizer/ClassShard.cs" " && Groups.Replica.Rank == 0" ""
        "every run decays",
        change "Optimizer/ClassShard.cs" "run.Decays ? rates.WeightDecay : 0" "rates.WeightDecay"
        "the factor of the clip has another epsilon",
        change "Optimizer/ShardedOptimizer.cs" ".div(norm + 1e-6)" ".div(norm)"
        "the first bucket is not finished",
        change
            "Optimizer/ReplicatedWeights.cs"
            "begun.Length - 1; bucket >= 0; bucket--)"
            "begun.Length - 1; bucket > 0; bucket--)"
        "the last bucket never arrives",
        change "Optimizer/ReplicatedWeights.cs" "underWay.Count > 0)" "underWay.Count > 1)"
        "a forward does not wait for its weights",
        change
            "Optimizer/ReplicatedWeights.cs"
            "if (bucketOf.TryGetValue(block, out var bucket))\n        {\n            Arrive(bucket);"
            "if (bucketOf.TryGetValue(block, out var bucket))\n        {"
        "an owner takes the first share of a sum",
        change "Optimizer/ReplicatedWeights.cs" "range.Offset - Plan.Buckets[bucket].Offset" "0"
        "replicas of a share are not summed",
        change "Optimizer/ReplicatedWeights.cs" "if (replica.Size > 1)" "if (replica.Size > 99)"
        "owners are not summed",
        change "Optimizer/ReplicatedWeights.cs" "if (zero.Size > 1)" "if (zero.Size > 99)"
        "a bucket leaves with its first block",
        change "Optimizer/ReplicatedWeights.cs" "blocksOf[bucket].All(ended.Contains)" "true"
        "only the own share is updated here",
        change "Optimizer/ReplicatedWeights.cs" "if (Groups.Zero.Size == 1)" "if (Groups.Zero.Size > 0)"
        "a micro-batch replaces the one before",
        change "Optimizer/FullyShardedWeights.cs" "range.Length).add_(sums);" "range.Length).copy_(sums);"
        "the last block never arrives",
        change
            "Optimizer/FullyShardedWeights.cs"
            "        Arrive();\n        if (Groups.Replica"
            "        if (Groups.Replica"
        "replicas of a block are not summed",
        change
            "Optimizer/FullyShardedWeights.cs"
            "if (Groups.Replica.Size > 1)"
            "if (Groups.Replica.Size > 99)"
        "a maximum stands for the sum of a block",
        change
            "Optimizer/FullyShardedWeights.cs"
            "ReduceOperation.Sum, new(OptimizerSites.Reduce, false))]));"
            "ReduceOperation.Max, new(OptimizerSites.Reduce, false))]));"
        "a step adds to the one before", change "Optimizer/FullyShardedWeights.cs" "Gradient.zero_();" ""
    ]

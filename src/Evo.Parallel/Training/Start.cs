using Evo.Core;

namespace Evo.Parallel;

/// <summary>A run that begins from something else than random weights: a checkpoint of another run, Evo's or InternEvo's, or a Hugging Face folder.</summary>
internal sealed class Start(LoadCkptInfoConfig info, RunCheckpoints checkpoints, RankModel model)
{
    /// <summary>Fills what <c>ckpt.load_ckpt_info.content</c> names; the rest begins as in a fresh run.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="seed">For the weights, where they are not loaded.</param>
    /// <exception cref="CheckpointException">The folder is no whole checkpoint, or of another model.</exception>
    /// <exception cref="Data.DataException">The same of a folder that is none of Evo's own.</exception>
    internal TrainState From(string path, ulong seed)
    {
        bool Takes(string what) => info.Content.Contains("all") || info.Content.Contains(what);
        if (!Takes("model"))
        {
            model.Start(seed);
        }

        if (info.CkptType == "hf")
        {
            model.Fill(module => HuggingFaceFolder.LoadWeights(module, path));
            return new TrainState();
        }

        if (info.CkptType == "internevo")
        {
            using var weights = InternEvoCheckpoint.Open(path, model.Spec, info.QkInterleaved);
            model.Fill(module => HuggingFaceFolder.Fill(module, (parameter, name) =>
                TensorFiles.Read(WeightCheck.Stored(new(name, parameter.HuggingFaceShape, parameter.TiedNames), weights)!)));
            return new TrainState();
        }

        var checkpoint = Checkpoint.Read(path);
        using var files = checkpoint.Files;
        var saved = checkpoints.Load(checkpoint, model, Takes("model"), Takes("optimizer"));
        var state = new TrainState();
        if (Takes("scheduler"))
        {
            state = state with { Updates = saved.Updates };
        }

        if (Takes("sampler"))
        {
            state = state with { Step = saved.Step, ConsumedTokens = saved.ConsumedTokens, Skipped = saved.Skipped, DataCursor = saved.DataCursor };
        }

        return state;
    }
}

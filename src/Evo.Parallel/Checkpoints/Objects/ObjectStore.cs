using System.Globalization;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// Checkpoints in an S3-compatible object store, the files of a step under <c>prefix/step/</c>. Objects cannot be renamed together, so
/// what commits a checkpoint is one more object, <c>prefix/step.step</c>, put when everything else is there: a step without it is
/// nobody's checkpoint, and is removed by the next start.
/// </summary>
public sealed class ObjectStore : ICheckpointStore
{
    private const string Mark = ".step";

    private readonly ObjectAddress at;
    private readonly Bucket bucket;
    private readonly ObjectOwner owner;

    /// <param name="server">The store.</param>
    /// <param name="at">Where in it.</param>
    public ObjectStore(ObjectServer server, ObjectAddress at)
    {
        (this.at, bucket) = (at, new(server, at.Bucket));
        owner = new(bucket, at);
    }

    /// <inheritdoc/>
    public string Place => at.ToString();

    /// <inheritdoc/>
    public IDisposable? Hold()
    {
        Written(owner.Take);
        return null;
    }

    /// <inheritdoc/>
    public void Open() => Written(() =>
    {
        var probe = at.Key(".probe");
        bucket.Put(probe, []);
        bucket.Delete([probe]);
        var committed = Steps();
        foreach (var step in Below().Where(name => name.EndsWith('/')).Select(name => StepOf(name[..^1])).OfType<long>().Except(committed))
        {
            bucket.Delete(bucket.Under(At(step).Key("")));
        }

        bucket.AbortUploads(at.Key(""));
    });

    /// <inheritdoc/>
    public IReadOnlyList<long> Steps() =>
        [.. Below().Where(name => name.EndsWith(Mark, StringComparison.Ordinal)).Select(name => StepOf(name[..^Mark.Length])).OfType<long>().OrderDescending()];

    /// <inheritdoc/>
    public ICheckpointFiles Files(long step) => new ObjectFiles(bucket, At(step));

    /// <inheritdoc/>
    public ICheckpointDraft Draft(long step) => new ObjectDraft(bucket, At(step), MarkOf(step), owner);

    /// <inheritdoc/>
    public void Remove(long step)
    {
        owner.Require();
        bucket.Delete([MarkOf(step)]);
        bucket.Delete(bucket.Under(At(step).Key("")));
    }

    private void Written(Action act)
    {
        try
        {
            act();
        }
        catch (DataException error)
        {
            throw new CheckpointException(
                CheckpointFault.NotWritten,
                $"{Place}: checkpoints cannot be written here: {error.Message}. Choose another place with ckpt.save_ckpt_folder, or set ckpt.enable_save_ckpt to false.",
                error);
        }
    }

    private ObjectAddress At(long step) => at.Below(step.ToString(CultureInfo.InvariantCulture));

    private string MarkOf(long step) => At(step).Prefix + Mark;

    private IEnumerable<string> Below() => bucket.Children(at.Key("")).Select(key => key[at.Key("").Length..]);

    private static long? StepOf(string name) =>
        long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;
}

namespace Evo.Parallel;

/// <summary>Checkpoints by where they are: in a folder, or in an object store by its address (<c>s3://bucket/prefix</c>).</summary>
public static class CheckpointPlace
{
    /// <summary>The store of a place that holds checkpoints.</summary>
    /// <exception cref="Evo.Data.DataException">It looks like an address and is none.</exception>
    public static ICheckpointStore Store(string place) =>
        ObjectAddress.Names(place) ? new ObjectStore(ObjectServer.FromEnvironment(), ObjectAddress.Parse(place)) : new CheckpointStore(place);

    /// <summary>A place below another one.</summary>
    public static string Below(string place, string name) =>
        ObjectAddress.Names(place) ? ObjectAddress.Parse(place).Below(name).ToString() : Path.Combine(place, name);

    /// <summary>The files of the one checkpoint at a place, committed or not.</summary>
    /// <exception cref="Evo.Data.DataException">It looks like an address and is none.</exception>
    public static ICheckpointFiles Files(string place)
    {
        if (!ObjectAddress.Names(place))
        {
            return new LocalFiles(place);
        }

        var at = ObjectAddress.Parse(place);
        return new ObjectFiles(new Bucket(ObjectServer.FromEnvironment(), at.Bucket), at);
    }
}

using Microsoft.Extensions.Logging;
using Piwheels.Core.Recipes;

namespace Piwheels.Master;

/// <summary>
/// The recipes in force: those of the folder, as they were when all of them were right. Read by any task; refreshed by one.
/// </summary>
public sealed partial class RecipeShelf
{
    private readonly string _folder;
    private readonly ILogger _logger;
    private string _seen;
    private string _changing;
    private volatile RecipeBook _book;

    private RecipeShelf(string folder, string seen, RecipeBook book, ILogger logger)
    {
        _folder = folder;
        _seen = seen;
        _changing = seen;
        _book = book;
        _logger = logger;
    }

    public RecipeBook Book => _book;

    /// <summary>Reads the folder; none where it is empty text.</summary>
    /// <exception cref="RecipeException">Something in it is no recipe.</exception>
    public static RecipeShelf Open(string folder, ILogger logger)
    {
        if (folder.Length == 0) return new RecipeShelf(folder, "", RecipeBook.Empty, logger);
        var seen = RecipeFolder.Fingerprint(folder);
        var book = RecipeFolder.Read(folder);
        RecipesRead(logger, book.Sections.Count, folder);
        return new RecipeShelf(folder, seen, book, logger);
    }

    /// <summary>
    /// Reads the folder again if it has changed, and then not since the last look; whether other recipes are in force
    /// now. Where it is wrong, the log says so once for each change, and nothing else happens.
    /// </summary>
    public bool Refresh()
    {
        if (_folder.Length == 0) return false;
        var seen = LookAt();
        var isWhole = seen == _changing; // As it was a look ago: nobody is writing there
        _changing = seen;
        if (seen == _seen || !isWhole) return false;
        _seen = seen;
        try
        {
            _book = RecipeFolder.Read(_folder);
            RecipesRead(_logger, _book.Sections.Count, _folder);
            return true;
        }
        catch (RecipeException fault)
        {
            RecipesWrong(_logger, fault.Message);
            return false;
        }
    }

    private string LookAt()
    {
        try
        {
            return RecipeFolder.Fingerprint(_folder);
        }
        catch (RecipeException fault)
        {
            return fault.Message;
        }
    }

    [LoggerMessage(EventId = 50, Level = LogLevel.Information, Message = "{Count} recipes of {Folder} are in force")]
    private static partial void RecipesRead(ILogger logger, int count, string folder);

    [LoggerMessage(EventId = 51, Level = LogLevel.Error,
        Message = "the recipes have changed, and those before stay in force: {Reason}")]
    private static partial void RecipesWrong(ILogger logger, string reason);
}

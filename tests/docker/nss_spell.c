/* A name service that knows every user of /etc/passwd by more spellings, as one for a domain without case does: in capitals,
 * and with the domain behind the name. */
#include <ctype.h>
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

enum nss_status _nss_spell_getpwnam_r(const char *spelling, struct passwd *entry, char *buffer, size_t size, int *error) {
    char name[256];
    size_t length = strcspn(spelling, "@");
    struct passwd *found;
    FILE *users;
    if (length >= sizeof name || (spelling[length] && strcmp(spelling + length, "@corp.example")))
        return NSS_STATUS_NOTFOUND;
    for (size_t at = 0; at < length; at++)
        name[at] = (char)tolower((unsigned char)spelling[at]);
    name[length] = '\0';
    if (!(users = fopen("/etc/passwd", "re"))) {
        *error = errno;
        return NSS_STATUS_UNAVAIL;
    }
    int code;
    while (!(code = fgetpwent_r(users, entry, buffer, size, &found)) && strcmp(found->pw_name, name))
        ;
    fclose(users);
    *error = code;
    return !code ? NSS_STATUS_SUCCESS : code == ERANGE ? NSS_STATUS_TRYAGAIN : NSS_STATUS_NOTFOUND;
}
